import { afterEach, describe, expect, test } from 'vitest';
import { eventually, within } from '../../src/conformance/eventually.ts';
import type { Message } from '../../src/contract/message.ts';
import type { Listener, Socket, Transport } from '../../src/contract/transport.ts';
import { FLAG, KIND, LONGEST_DEFINITION, MOST_REFERENCES, NO_REFERENCE, PREFACE } from '../../src/transport/frame.ts';
import { type HttpTransportOptions, httpTransport } from '../../src/transport/http-transport.ts';
import { frame, message, type RawPeer, rawClient, referring, settings, u16, u32 } from './frame-peer.ts';

const FIELDS = Object.freeze({ 'Micro-Endpoint': 'Echo.Say', 'Content-Type': 'application/json' });
const MIB = 1024 * 1024;

const HONEST = Object.freeze({ Honest: 'yes' });

const open: { listener: Listener; transports: Transport[] }[] = [];

afterEach(async () => {
  for (const { listener, transports } of open.splice(0)) {
    await listener.close();
    for (const transport of transports) await transport.close();
  }
});

type Serve = (socket: Socket, first: Message) => unknown;

/** A server, and an honest client of it, which has a connection and calls on it all the while. */
async function served(options: HttpTransportOptions = {}, serve: Serve = echo) {
  const transport = httpTransport(options);
  const accepted: Socket[] = [];
  const begin = async (socket: Socket): Promise<void> => {
    const first = await socket.receive();
    if (first === undefined) return;
    if (first.extra?.Honest !== undefined) return echo(socket, first);
    accepted.push(socket);
    await serve(socket, first);
  };
  const listener = await transport.listen('127.0.0.1:0', (socket) => {
    begin(socket).catch(() => {});
  });
  const honest = httpTransport();
  open.push({ listener, transports: [transport, honest] });
  const honestCall = async (text: string): Promise<string> => {
    const socket = honest.dial(listener.address, { metadata: listener.metadata });
    await socket.send({ header: FIELDS, extra: HONEST, body: Buffer.from(text) });
    return Buffer.from((await socket.receive())?.body ?? []).toString();
  };
  expect(await honestCall('before')).toBe('before');
  return { address: listener.address, accepted, honestCall };
}

async function echo(socket: Socket, { body }: Message): Promise<void> {
  await socket.end({ header: FIELDS, body });
}

const call = (id: number, body = 'x'): Buffer => message(KIND.open, id, FIELDS, Buffer.from(body));

describe('a peer that breaks the protocol is told why and disconnected, and disturbs nobody else:', () => {
  const crimes: Readonly<Record<string, readonly [bytes: readonly Buffer[], why: RegExp]>> = {
    'garbage after the preface': [[Buffer.alloc(64, 0xff)], /flags|settings|frame/],
    'another preface': [[], /does not speak frames/],
    'a frame that is shorter than its head': [[u32(3), Buffer.alloc(3)], /a frame of 3 bytes/],
    'a giant frame that is no message': [[u32(0xffff_ffff), Buffer.from([KIND.cancel, 0, 0, 0, 0, 1])], /no message/],
    'a message before the settings': [[call(1)], /no settings/],
    'an unknown kind that must be understood': [[settings(), frame(0x7f, 0)], /unknown kind of frame 127/],
    'an unknown flag that must be understood': [
      [settings(), frame(KIND.ping, 0, undefined, 0x40)],
      /unknown required flags 64/,
    ],
    'a reference that was never defined': [[settings(), referring(KIND.open, 1, 7)], /header 7 was never defined/],
    'a reference past the last possible one': [
      [settings(), referring(KIND.open, 1, MOST_REFERENCES, FIELDS)],
      /defined out of order/,
    ],
    'a definition out of order': [[settings(), referring(KIND.open, 1, 1, FIELDS)], /defined out of order/],
    'a definition of a header that was defined': [
      [settings(), referring(KIND.open, 1, 0, FIELDS), referring(KIND.open, 2, 0, FIELDS)],
      /defined out of order/,
    ],
    'a definition that is too long': [
      [settings(), referring(KIND.open, 1, 0, { A: 'a'.repeat(LONGEST_DEFINITION) })],
      /4096 are allowed/,
    ],
    'a header block past the end of its frame': [
      [settings(), frame(KIND.open, 1, Buffer.concat([u16(NO_REFERENCE), u32(1_000), Buffer.alloc(10)]), FLAG.extra)],
      /past the end of its frame/,
    ],
    'a header block that is none': [
      [settings(), frame(KIND.open, 1, Buffer.concat([u16(NO_REFERENCE), u32(3), Buffer.from([9, 1, 1])]), FLAG.extra)],
      /malformed header block/,
    ],
    'a message without a reference': [[settings(), frame(KIND.open, 1, Buffer.alloc(1))], /without a header reference/],
    'an id that goes backwards': [[settings(), call(5), call(4)], /exchange 4 cannot be opened/],
    'an id that is used again': [[settings(), call(5), call(5)], /exchange 5 cannot be opened/],
    'data for an exchange that was never opened': [
      [settings(), message(KIND.data, 9, FIELDS)],
      /exchange 9, which was never opened/,
    ],
    'credit without an amount': [[settings(), frame(KIND.credit, 0)], /without an amount/],
  };

  for (const [crime, [bytes, why]] of Object.entries(crimes)) {
    test(crime, async () => {
      const { address, honestCall } = await served();
      await using peer = await rawClient(address, { hello: false });
      const preface = crime === 'another preface' ? Buffer.from('\0micro2\n', 'latin1') : PREFACE;
      peer.send(preface, ...bytes);
      expect(await peer.refusal()).toMatch(why);
      expect(await honestCall('after')).toBe('after');
    });
  }

  test('more credit than any stream can use', async () => {
    const { address } = await served({}, () => {});
    await using peer = await rawClient(address);
    peer.send(message(KIND.open, 1, FIELDS, undefined, FLAG.stream));
    peer.send(frame(KIND.credit, 1, u32(0xffff_ffff)), frame(KIND.credit, 1, u32(0xffff_ffff)));
    expect(await peer.refusal()).toMatch(/more credit for exchange 1/);
  });

  for (const [kind, flags] of [
    ['stream', FLAG.stream],
    ['unary call', 0],
  ] as const) {
    test(`more than the window on a ${kind} that nobody reads`, async () => {
      const { address, honestCall } = await served({}, () => {});
      await using peer = await rawClient(address);
      peer.send(message(KIND.open, 1, FIELDS, undefined, flags));
      const before = process.memoryUsage().arrayBuffers;
      const data = message(KIND.data, 1, FIELDS, Buffer.alloc(16 * 1024));
      for (let count = 0; count < 4_000 && !peer.closed; count++) {
        peer.send(data);
        if (peer.socket.writableLength > MIB) await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await peer.refusal()).toMatch(/more was sent on exchange 1 than there was room for/);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * MIB);
      expect(await honestCall('after')).toBe('after');
    });
  }
});

describe('a peer that stands still loses its connection:', () => {
  const halves: Readonly<Record<string, Buffer>> = {
    'before it has said anything': Buffer.alloc(0),
    'in the middle of the preface': PREFACE.subarray(0, 3),
    'in the middle of a frame': Buffer.concat([PREFACE, settings(), call(1, 'x'.repeat(100)).subarray(0, 50)]),
    'in the middle of a frame that is skipped': Buffer.concat([
      PREFACE,
      settings(),
      u32(100 * MIB),
      Buffer.from([KIND.open, 0, 0, 0, 0, 1]),
      Buffer.alloc(1_000),
    ]),
  };
  for (const [where, bytes] of Object.entries(halves)) {
    test(where, async () => {
      const { address, honestCall } = await served({ stallTimeoutMs: 200 });
      await using peer = await rawClient(address, { hello: false });
      if (bytes.length > 0) peer.send(bytes);
      await peer.refusal();
      expect(await honestCall('after')).toBe('after');
    });
  }

  test('reading nothing of what it asks for, and what waits for it stays bounded', async () => {
    let answered = 0;
    const { address, honestCall } = await served({ stallTimeoutMs: 500 }, async (socket) => {
      answered += 1;
      await socket.end({ header: FIELDS, body: Buffer.alloc(64 * 1024) });
    });
    await using peer = await rawClient(address);
    await peer.frame(KIND.settings);
    peer.socket.pause();
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const total = 20_000;
    // 1.3 GB of answers are asked for, some at a time so that the server gets to write between two reads.
    for (let id = 1; id <= total; ) {
      const requests: Buffer[] = [];
      for (; id % 100 !== 0; id++) requests.push(call(id));
      requests.push(call(id++));
      peer.send(...requests);
      await new Promise((resolve) => setTimeout(resolve, 1));
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(answered).toBeGreaterThan(0);
    expect(answered).toBeLessThan(total / 4);
    expect(most).toBeLessThan(128 * MIB);
    expect(await honestCall('meanwhile')).toBe('meanwhile');
    // Cut off because nothing moved: it gets what the kernel held, and never the answers to the rest.
    await within('the end of the connection', ended(peer), 15_000);
    expect(answered).toBeLessThan(total / 4);
    expect(await honestCall('after')).toBe('after');
  });

  test('a flood of pings whose answers nobody reads stays bounded', async () => {
    const { address, honestCall } = await served({ stallTimeoutMs: 500 });
    await using peer = await rawClient(address);
    await peer.frame(KIND.settings);
    peer.socket.pause();
    const before = process.memoryUsage().arrayBuffers;
    const pings = Buffer.concat(Array.from({ length: 6_000 }, () => frame(KIND.ping, 0)));
    for (let sent = 0; sent < 100 * MIB && !peer.socket.destroyed; sent += pings.length) {
      if (peer.socket.writableLength > 4 * MIB) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        continue;
      }
      peer.send(pings);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * MIB);
    await within('the end of the connection', ended(peer), 15_000);
    expect(await honestCall('after')).toBe('after');
  });
});

describe('limits are held for the exchange alone, and its connection goes on:', () => {
  test('a message over the limit is skipped, and the definitions after it still count', async () => {
    const { address } = await served({ maxMessageBytes: 100_000 });
    await using peer = await rawClient(address);
    peer.send(message(KIND.open, 1, FIELDS, Buffer.alloc(100_001)));
    peer.send(message(KIND.open, 2, FIELDS, Buffer.alloc(5 * MIB)));
    peer.send(referring(KIND.open, 3, 0, FIELDS, Buffer.from('small')));
    for (const id of [1, 2]) {
      const refused = await peer.frame(KIND.error, id);
      expect(refused.payload.readUInt16BE(0)).toBe(413);
      expect(refused.flags & FLAG.unexecuted).toBe(FLAG.unexecuted);
    }
    expect((await peer.frame(KIND.data, 3)).payload.toString()).toContain('small');
  });

  test('too many header fields, and too long ones, are a 431', async () => {
    const { address } = await served({ maxHeaderFields: 10, maxHeaderBytes: 1_000 });
    await using peer = await rawClient(address);
    const many = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`F${index}`, '']));
    peer.send(message(KIND.open, 1, many));
    peer.send(message(KIND.open, 2, { Long: 'x'.repeat(2_000) }));
    // A definition that is refused keeps its number, so that the others are not taken for it.
    peer.send(referring(KIND.open, 3, 0, many), referring(KIND.open, 4, 1, FIELDS, Buffer.from('fine')));
    peer.send(referring(KIND.open, 5, 0));
    for (const id of [1, 2, 3, 5]) expect((await peer.frame(KIND.error, id)).payload.readUInt16BE(0)).toBe(431);
    expect((await peer.frame(KIND.data, 4)).payload.toString()).toContain('fine');
  });

  test('one exchange too many, and one byte of requests too many, are a 429 that did not run', async () => {
    const { address, accepted } = await served({ maxInFlight: 2, maxInFlightBytes: 1_000 }, () => {});
    await using peer = await rawClient(address);
    peer.send(call(1), call(2), call(3));
    const full = await peer.frame(KIND.error, 3);
    expect(full.payload.readUInt16BE(0)).toBe(429);
    expect(full.flags & FLAG.unexecuted).toBe(FLAG.unexecuted);
    peer.send(frame(KIND.cancel, 2), call(4, 'x'.repeat(1_000)));
    expect((await peer.frame(KIND.error, 4)).payload.readUInt16BE(0)).toBe(429);
    expect(accepted).toHaveLength(2);
  });
});

describe('a newer peer is understood as far as possible:', () => {
  test('kinds from 0x80 on, settings and flags that nobody knows change nothing', async () => {
    const { address } = await served();
    await using peer = await rawClient(address, { hello: false });
    peer.send(PREFACE, settings([1, 1_000_000], [99, 7], [200, 0]), Buffer.from(frame(0x80, 3, Buffer.from('news'))));
    peer.send(frame(0xff, 0xffff_ffff, Buffer.alloc(100)), frame(KIND.ping, 77, undefined, 0x20));
    const sent = message(KIND.open, 1, FIELDS, Buffer.from('hello'), 0x20);
    peer.send(sent, frame(0x90, 1, Buffer.from('about exchange 1')));
    expect((await peer.frame(KIND.pong)).id).toBe(77);
    expect((await peer.frame(KIND.data, 1)).payload.toString()).toContain('hello');
    expect(peer.closed).toBe(false);
  });
});

/** A peer that does not read sees the end of its connection when it writes. */
async function ended(peer: RawPeer): Promise<void> {
  await eventually(
    () => {
      peer.send(frame(KIND.ping, 0));
      expect(peer.closed).toBe(true);
    },
    { timeoutMs: 15_000 },
  );
}
