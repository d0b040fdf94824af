import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { HEADER, type Header, type Message } from '@micro/core';
import { describe, expect, test } from 'vitest';
import { MessageSchema } from '../src/gen/transport_pb.js';
import { grpcLimits } from '../src/grpc-options.ts';
import { createMessageReader, writeMessage } from '../src/message-codec.ts';

const limits = grpcLimits({ maxMessageBytes: 1_000_000, maxHeaderBytes: 10_000, maxHeaderFields: 20 });
const BODY = Buffer.from('{"name":"Ann"}');
const HEADER_OF_HELLO = fields({
  'Content-Type': 'application/json',
  'Micro-Service': 'greeter',
  'Micro-Endpoint': 'Greeter.Hello',
});

function fields(given: Record<string, string>): Header {
  return Object.freeze(Object.assign(Object.create(null), given));
}

/** A message as Go would write it: fields in any order, the ids among them. */
function fromGo(header: Record<string, string>, body: Uint8Array = BODY): Buffer {
  return Buffer.from(toBinary(MessageSchema, create(MessageSchema, { header, body })));
}

test('the bytes are those of the .proto', () => {
  expect(fromGo({ a: 'b' }, Buffer.from('hi')).toString('hex')).toBe('0a060a016112016212026869');
  const bytes = writeMessage({ header: fields({ A: 'b' }), body: Buffer.from('hi') }, '7', false);
  expect(fromBinary(MessageSchema, bytes)).toMatchObject({ header: { A: 'b', [HEADER.ID]: '7' } });
});

describe('what is written', () => {
  test.each([0, 1, 127, 128, 20_000, 300_000])('is read as it was, a body of %i bytes and all', (size) => {
    const body = Buffer.alloc(size, 'abc');
    const message: Message = { header: HEADER_OF_HELLO, extra: fields({ Trace: 'grüße, 世界', Empty: '' }), body };
    const bytes = writeMessage(message, '42', true);
    const generated = fromBinary(MessageSchema, bytes);
    expect(generated.header).toEqual({
      ...HEADER_OF_HELLO,
      Trace: 'grüße, 世界',
      Empty: '',
      'Micro-Id': '42',
      'Micro-Stream': '42',
    });
    expect(body.equals(generated.body)).toBe(true);
    const read = createMessageReader(limits);
    for (let again = 0; again < 3; again++) {
      const { message: received, id, stream } = read(bytes);
      expect([id, stream]).toEqual(['42', '42']);
      expect({ ...received.header, ...received.extra }).toEqual({
        ...HEADER_OF_HELLO,
        Trace: 'grüße, 世界',
        Empty: '',
      });
      expect(body.equals(received.body)).toBe(true);
    }
  });

  test('has no ids but its own, whatever the fields say, and whatever the peer calls them', () => {
    const header = fields({ 'Micro-Id': '1', 'Micro-Stream': '2', Local: 'here', Remote: 'there', Kept: 'x' });
    const id = `é${'i'.repeat(200)}`;
    expect(fromBinary(MessageSchema, writeMessage({ header, body: BODY }, id, true)).header).toEqual({
      Kept: 'x',
      'Micro-Id': id,
      'Micro-Stream': id,
    });
  });

  test('of two fields with one name has the one of this message alone', () => {
    const header = fields({ Timeout: '1', 'Micro-Endpoint': 'A.B' });
    const bytes = writeMessage({ header, extra: fields({ Timeout: '2' }), body: BODY }, '1', false);
    const { message } = createMessageReader(limits)(bytes);
    expect(message.extra?.Timeout ?? message.header.Timeout).toBe('2');
  });
});

describe('what is read', () => {
  test('has one frozen header for all messages with the same common fields', () => {
    const read = createMessageReader(limits);
    const [first, second] = ['1', '22'].map((id) =>
      read(writeMessage({ header: HEADER_OF_HELLO, body: BODY }, id, false)),
    );
    const later = read(
      writeMessage({ header: HEADER_OF_HELLO, extra: fields({ Trace: 'x' }), body: BODY }, '3', false),
    );
    expect(Object.isFrozen(second?.message.header)).toBe(true);
    expect(second?.message.header).toBe(first?.message.header);
    expect(later.message.header).toBe(first?.message.header);
    expect(later.message.extra).toEqual({ Trace: 'x' });
  });

  test('finds the endpoint wherever it stands, as Go writes maps in any order', () => {
    const read = createMessageReader(limits);
    for (let again = 0; again < 2; again++) {
      const { message, id } = read(
        fromGo({ 'Content-Type': 'a/b', 'Micro-Id': '5', 'Micro-Endpoint': 'A.B', Trace: 'x' }),
      );
      expect(id).toBe('5');
      expect(message.header).toMatchObject({ 'Content-Type': 'a/b', 'Micro-Endpoint': 'A.B' });
      expect(message.extra?.Trace ?? message.header.Trace).toBe('x');
    }
  });

  test('knows the stream of each message, wherever the ids stand', () => {
    const names = ['Micro-Stream', 'X-Micro-Stream'];
    for (const name of names) {
      const read = createMessageReader(limits);
      for (let again = 0; again < 3; again++) {
        const { id, stream } = read(fromGo({ 'Content-Type': 'a/b', [name]: '5', 'Micro-Id': '5', Trace: 'x' }));
        expect([id, stream]).toEqual(['5', '5']);
      }
      expect(read(fromGo({ 'Content-Type': 'a/b', 'Micro-Id': '6', Trace: 'x' })).stream).toBeUndefined();
    }
  });

  test('does not take the fields of one message for those of another that begins like it', () => {
    const read = createMessageReader(limits);
    read(writeMessage({ header: HEADER_OF_HELLO, body: BODY }, '1', false));
    const other = fields({ ...HEADER_OF_HELLO, 'Micro-Endpoint': 'Greeter.Other', More: 'x' });
    const { message } = read(writeMessage({ header: other, body: BODY }, '2', false));
    expect({ ...message.header, ...message.extra }).toEqual({ ...other });
    const longer = fields({ ...HEADER_OF_HELLO, 'Micro-Method': 'Greeter.Hello' });
    const next = read(writeMessage({ header: HEADER_OF_HELLO, body: BODY }, '3', false));
    expect(next.message.header).toEqual({ ...HEADER_OF_HELLO });
    expect(read(writeMessage({ header: longer, body: BODY }, '4', false)).message.header).toEqual({ ...longer });
  });

  test('has canonical names and no prototype', () => {
    const { message } = createMessageReader(limits)(fromGo({ __proto__x: '1', 'trace-id': 'x', constructor: 'y' }));
    expect(Object.getPrototypeOf(message.header)).toBeNull();
    expect(message.header['Trace-Id']).toBe('x');
    expect(message.header.Constructor).toBe('y');
  });

  test("knows a stream by go-micro's older name too", () => {
    expect(createMessageReader(limits)(fromGo({ 'X-Micro-Stream': '9', 'Micro-Id': '5' })).stream).toBe('5');
  });

  test('passes over fields that a later version may have', () => {
    const more = Buffer.concat([
      Buffer.from([0x18, 0x96, 0x01]),
      Buffer.from([0x21, 1, 2, 3, 4, 5, 6, 7, 8]),
      Buffer.from([0x2d, 1, 2, 3, 4]),
      Buffer.from([0x32, 2, 1, 2]),
      fromGo({ A: 'b' }),
    ]);
    expect(createMessageReader(limits)(more).message.header).toEqual({ A: 'b' });
  });

  test.each([
    ['a field that does not fit', [0x0a, 0x7f, 0x0a]],
    ['an entry whose key runs over its end', [0x0a, 0x03, 0x0a, 0x05, 0x61, 0x12, 0x01, 0x62]],
    ['a length without an end', [0x12, 0xff]],
    ['a length of six bytes', [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ['a group', [0x1b]],
    ['field 0', [0x00, 0x01]],
    ['a number without an end', [0x18, 0xff]],
    ['a double that is cut off', [0x21, 1, 2]],
  ])('is refused with 400 where it is %s', (_what, bytes) => {
    expect(() => createMessageReader(limits)(Buffer.from(bytes))).toThrow(expect.objectContaining({ code: 400 }));
  });

  test('is refused past each limit', () => {
    const read = createMessageReader(limits);
    const many = Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`A${index}`, 'x']));
    expect(() => read(fromGo(many))).toThrow(expect.objectContaining({ code: 431 }));
    expect(() => read(fromGo({ A: 'x'.repeat(10_000) }))).toThrow(expect.objectContaining({ code: 431 }));
    expect(() => read(fromGo({}, Buffer.alloc(1_000_001)))).toThrow(expect.objectContaining({ code: 413 }));
  });

  test('never fails in another way, whatever the bytes', () => {
    const read = createMessageReader(limits);
    const whole = writeMessage({ header: HEADER_OF_HELLO, extra: fields({ Trace: 'x' }), body: BODY }, '1', true);
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(whole);
      bytes[Math.floor(Math.random() * bytes.length)] = Math.floor(Math.random() * 256);
      const cut = bytes.subarray(0, Math.floor(Math.random() * (bytes.length + 1)));
      try {
        read(cut);
      } catch (error) {
        expect(error).toMatchObject({ name: 'MicroError' });
      }
    }
  });
});
