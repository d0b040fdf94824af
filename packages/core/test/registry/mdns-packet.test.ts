import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeOf } from '../../src/registry/mdns-instance.ts';
import { mdnsNames } from '../../src/registry/mdns-name.ts';
import {
  announcementPacket,
  answerPacket,
  instanceRecords,
  type MdnsInstance,
  pointerRecord,
  questionPacket,
  readQuery,
  readResponse,
} from '../../src/registry/mdns-packet.ts';
import { encodeText } from '../../src/registry/mdns-text.ts';

const names = mdnsNames('micro');
const instance: MdnsInstance = {
  parent: 'greeter.micro',
  name: 'greeter-1.greeter.micro',
  host: 'box',
  ip: '192.0.2.7',
  port: 8_080,
  text: encodeText({ service: 'greeter', version: '1', endpoints: [], metadata: { protocol: 'mucp' } }),
  ttl: 120,
};

/** Everything that is done with a packet that came in. */
function take(packet: Buffer): void {
  readQuery(packet);
  for (const heard of readResponse(packet)) nodeOf(heard, names);
}

describe('an mdns packet', () => {
  it('tells of a node what was put into it', () => {
    const heard = readResponse(announcementPacket(instance)).map((one) => ({ ...one, node: nodeOf(one, names) }));
    expect(heard).toMatchObject([
      {
        name: instance.name,
        address: '192.0.2.7:8080',
        ttl: 120,
        node: { service: 'greeter', id: 'greeter-1', version: '1' },
      },
    ]);
    expect(readResponse(announcementPacket({ ...instance, ip: '2001:db8::7' }))[0]?.address).toBe('[2001:db8::7]:8080');
    expect(readResponse(announcementPacket(instance, 0))[0]?.ttl).toBe(0);
  });

  it('that answers carries the question section of the query to the byte, with the bit that asks for unicast', () => {
    const packet = questionPacket('greeter.micro');
    packet.writeUInt16BE(0x8001, packet.length - 2);
    packet.writeUInt16BE(0x1234, 0);
    const query = readQuery(packet);
    if (query === undefined) throw new Error('the query was not read');
    const answer = answerPacket(query, [pointerRecord(instance), ...instanceRecords(instance)]);
    expect(answer.subarray(0, 12).toString('hex')).toBe('123484000001000400000000');
    expect(answer.subarray(12, packet.length)).toEqual(packet.subarray(12));
    expect(readResponse(answer)).toHaveLength(1);
  });

  it('is no query when it is a response, of another operation, about another class, or asks too much', () => {
    const question = questionPacket('greeter.micro');
    const changed = (at: number, value: number) =>
      Buffer.from(question.map((byte, index) => (index === at ? value : byte)));
    expect(readQuery(question)?.questions).toEqual([{ name: 'greeter.micro', type: 'PTR', unicast: false }]);
    expect(readQuery(changed(2, 0x84))).toBeUndefined();
    expect(readQuery(changed(2, 0x28))).toBeUndefined();
    expect(readQuery(changed(3, 0x05))).toBeUndefined();
    expect(readQuery(changed(question.length - 1, 3))).toBeUndefined();
    const many = Buffer.concat([
      question.subarray(0, 12),
      ...Array.from({ length: 1_000 }, () => question.subarray(12)),
    ]);
    many.writeUInt16BE(1_000, 4);
    expect(readQuery(many)).toBeUndefined();
  });

  it('of a node whose name and text disagree about the service is of no node', () => {
    const [heard] = readResponse(announcementPacket({ ...instance, name: 'greeter-1.other.micro' }));
    expect(heard).toBeDefined();
    if (heard !== undefined) expect(nodeOf(heard, names)).toBeUndefined();
  });

  it('with a name that refers to itself is nothing', () => {
    const packet = Buffer.from('000084000000000100000000c00c00210001000000780008000a00011f90c00c', 'hex');
    expect(readResponse(packet)).toEqual([]);
  });

  it('of any bytes at all is never a reason to throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => take(Buffer.from(bytes))),
      { numRuns: 2_000 },
    );
  });

  it('that is cut off or damaged is never a reason to throw', () => {
    const query = readQuery(questionPacket('greeter.micro'));
    if (query === undefined) throw new Error('the query was not read');
    const good = answerPacket(query, [pointerRecord(instance), ...instanceRecords(instance)]);
    for (let length = 0; length <= good.length; length++) take(good.subarray(0, length));
    const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(damage, (changes) => {
        const packet = Buffer.from(good);
        for (const [at, byte] of changes) packet[at] = byte;
        take(packet);
      }),
      { numRuns: 3_000 },
    );
  });
});
