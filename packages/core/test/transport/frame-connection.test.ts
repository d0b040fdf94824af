import { connect, createServer, type Socket as NetSocket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../../src/conformance/eventually.ts';
import type { Header } from '../../src/contract/message.ts';
import type { Socket, Transport } from '../../src/contract/transport.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { FLAG, KIND, MOST_REFERENCES, PREFACE } from '../../src/transport/frame.ts';
import { FrameConnection } from '../../src/transport/frame-connection.ts';
import { type HttpTransportOptions, httpTransport } from '../../src/transport/http-transport.ts';
import { limitsFrom } from '../../src/transport/limits.ts';
import { frame, message, type RawPeer, rawClient, rawServer, settings } from './frame-peer.ts';

const FIELDS: Header = Object.freeze({ 'Micro-Endpoint': 'Echo.Say' });
const closing: (() => PromiseLike<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function transport(options: HttpTransportOptions = {}): Transport {
  const made = httpTransport(options);
  closing.push(() => made.close());
  return made;
}

async function listen(accept: (socket: Socket) => unknown, options: HttpTransportOptions = {}) {
  const listener = await transport(options).listen('127.0.0.1:0', (socket) => {
    Promise.resolve(accept(socket)).catch(() => {});
  });
  closing.unshift(() => listener.close());
  return listener;
}

async function echo(socket: Socket): Promise<void> {
  const first = await socket.receive();
  if (first !== undefined) await socket.end({ header: first.header, extra: first.extra, body: first.body });
}

async function call(client: Transport, address: string, header: Header, body: Uint8Array): Promise<string> {
  const socket = client.dial(address, { metadata: { frames: '1' } });
  await socket.send({ header, body });
  const reply = await socket.receive();
  expect(reply?.extra?.Number ?? reply?.header.Number).toBe(header.Number);
  return Buffer.from(reply?.body ?? []).toString();
}

async function failure(socket: Socket): Promise<MicroError> {
  const error = await Promise.resolve()
    .then(() => socket.receive())
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  expect(error).toBeInstanceOf(MicroError);
  return error as MicroError;
}

describe('headers', () => {
  test('of any number travel on one connection, those that cannot be remembered in full', async () => {
    const { address } = await listen(echo);
    const client = transport();
    for (let number = 0; number < MOST_REFERENCES + 50; number++) {
      const header = Object.freeze({ ...FIELDS, Number: String(number) });
      expect(await call(client, address, header, Buffer.from('one'))).toBe('one');
      // The second time it is known, or not.
      if (number % 100 === 0 || number > MOST_REFERENCES) {
        expect(await call(client, address, header, Buffer.from('two'))).toBe('two');
      }
    }
  });

  test('that are too long to be remembered arrive as well', async () => {
    const { address } = await listen(echo);
    const client = transport();
    const header = Object.freeze({ ...FIELDS, Number: 'x'.repeat(10_000) });
    for (const body of ['one', 'two']) expect(await call(client, address, header, Buffer.from(body))).toBe(body);
  });

  test('outlive a first message that the server refuses for its length', async () => {
    const { address } = await listen(echo, { maxMessageBytes: 100_000 });
    // The client does not know the limit yet when it sends, and the header is in that message for the first time.
    const client = transport();
    const socket = client.dial(address, { metadata: { frames: '1' } });
    await socket.send({ header: FIELDS, body: Buffer.alloc(3_000_000) });
    const next = call(client, address, FIELDS, Buffer.from('next'));
    expect(await failure(socket)).toMatchObject({ code: 413, unexecuted: true });
    expect(await next).toBe('next');
  });

  test('over the sender’s own limits are refused before anything is sent', async () => {
    const { address } = await listen(echo);
    const client = transport();
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`F${index}`, '']));
    for (const extra of [many, { Long: 'x'.repeat(70_000) }]) {
      const socket = client.dial(address, { metadata: { frames: '1' } });
      expect(() => socket.send({ header: FIELDS, extra, body: Buffer.alloc(0) })).toThrow(
        expect.objectContaining({ code: 431, unexecuted: true }),
      );
      socket.close();
    }
    expect(await call(client, address, FIELDS, Buffer.from('next'))).toBe('next');
  });
});

describe('the end of a connection', () => {
  /** A client with three calls on one connection to a server that the test plays. */
  async function threeCalls(
    accept: (peer: RawPeer) => void = (peer) => peer.send(PREFACE, settings()),
  ): Promise<{ peer: RawPeer; sockets: Socket[]; client: Transport; address: string }> {
    const server = await rawServer(accept);
    closing.push(() => server[Symbol.asyncDispose]());
    const client = transport();
    const sockets = [1, 2, 3].map(() => client.dial(server.address, { metadata: { frames: '1' } }));
    for (const socket of sockets) await socket.send({ header: FIELDS, body: Buffer.from('x') });
    const peer = await eventually(() => server.peers[0] ?? Promise.reject(new Error('nobody has connected')));
    await peer.frame(KIND.open, 3);
    return { peer, sockets, client, address: server.address };
  }

  test('after a goodbye tells the calls that the server took up from those that did not run', async () => {
    const { peer, sockets } = await threeCalls();
    peer.send(message(KIND.data, 1, FIELDS, Buffer.from('done'), FLAG.end));
    peer.send(frame(KIND.goaway, 2, Buffer.from('the server is draining')));
    const [first, second, third] = sockets as [Socket, Socket, Socket];
    expect(Buffer.from((await first.receive())?.body ?? []).toString()).toBe('done');
    expect(await failure(third)).toMatchObject({ code: 503, unexecuted: true });
    // What was taken up is not known to have ended yet.
    peer.send(message(KIND.data, 2, FIELDS, Buffer.from('late'), FLAG.end));
    expect(Buffer.from((await second.receive())?.body ?? []).toString()).toBe('late');
  });

  test('before the server has said a word means that nothing ran', async () => {
    const { peer, sockets } = await threeCalls(() => {});
    peer.socket.destroy();
    for (const socket of sockets) {
      expect(await failure(socket)).toMatchObject({
        code: 503,
        unexecuted: true,
        detail: expect.stringContaining('before the peer said anything'),
      });
    }
  });

  test('after the server has said something leaves open what ran', async () => {
    const { peer, sockets } = await threeCalls();
    await eventually(() => expect(peer.socket.bytesWritten).toBeGreaterThan(0));
    peer.socket.end();
    for (const socket of sockets) {
      expect(await failure(socket)).toMatchObject({
        code: 503,
        unexecuted: false,
        detail: expect.stringContaining('may have been executed'),
      });
    }
  });

  test('is said at once on a new connection to a listener that drains', async () => {
    let accepted = 0;
    const listener = await listen(() => {
      accepted += 1;
    });
    listener.drain();
    const socket = transport().dial(listener.address, { metadata: { frames: '1' } });
    await socket.send({ header: FIELDS, body: Buffer.from('x') });
    expect(await failure(socket)).toMatchObject({ code: 503, unexecuted: true });
    expect(accepted).toBe(0);
  });

  test('reaches every listener of an exchange, and one that comes late', async () => {
    const heard: string[] = [];
    const listener = await listen((socket) => {
      socket.onClose(() => heard.push('first'));
      socket.onClose(() => heard.push('second'));
      socket.onClose(() => socket.onClose(() => heard.push('late')));
    });
    const socket = transport().dial(listener.address, { metadata: { frames: '1' } });
    await socket.send({ header: FIELDS, body: Buffer.from('x') });
    await call(transport(), (await listen(echo)).address, FIELDS, Buffer.from('something else'));
    socket.close();
    await eventually(() => expect(heard).toEqual(['first', 'second', 'late']));
  });

  test('does not come to a peer that has spoken while this process stood still', async () => {
    const { address } = await listen(echo, { stallTimeoutMs: 1_000 });
    await using peer = await rawClient(address, { hello: false });
    // The listener has to know of the connection before.
    await new Promise((resolve) => setTimeout(resolve, 200));
    peer.send(PREFACE, settings(), message(KIND.open, 1, FIELDS, Buffer.from('hello')));
    const end = performance.now() + 4_000;
    while (performance.now() < end);
    expect((await peer.frame(KIND.data, 1)).payload.toString()).toContain('hello');
  });

  test('comes to a peer that is silent while something is expected of it, after it was asked', async () => {
    const accepted: NetSocket[] = [];
    const server = createServer((socket) => accepted.push(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new Error('no port');
    const socket = connect(bound.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    let ended = 0;
    const connection = new FrameConnection(socket, {
      limits: limitsFrom({ stallTimeoutMs: 0 }),
      peer: 'the silent one',
      closed() {
        ended += 1;
      },
    });
    const exchange = connection.dial(false, Number.POSITIVE_INFINITY);
    await exchange.send({ header: FIELDS, body: Buffer.from('x') });
    const begun = performance.timeOrigin + performance.now();
    let seconds = 0;
    for (; seconds < 30 && ended === 0; seconds++) connection.tick(begun + seconds * 1_000);
    expect(ended).toBe(1);
    expect(seconds).toBeGreaterThan(12);
    expect(seconds).toBeLessThan(20);
    expect(await failure(exchange)).toMatchObject({ code: 503, unexecuted: false });
    for (const each of [socket, ...accepted]) each.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('a client', () => {
  test.each([1, 3])('holds %i connections to one peer where it is told to', async (connectionsPerPeer) => {
    const server = await rawServer((peer) => peer.send(PREFACE, settings()));
    closing.push(() => server[Symbol.asyncDispose]());
    const client = transport({ connectionsPerPeer });
    for (let count = 0; count < 12; count++) {
      const socket = client.dial(server.address, { metadata: { frames: '1' } });
      await socket.send({ header: FIELDS, body: Buffer.from('x') });
    }
    await eventually(() => {
      const opened = server.peers.map(({ frames }) => frames.filter(({ kind }) => kind === KIND.open).length);
      expect(opened).toEqual(new Array(connectionsPerPeer).fill(12 / connectionsPerPeer));
    });
  });

  test('ignores what a newer server says beside what it knows', async () => {
    const server = await rawServer((peer) => {
      peer.send(PREFACE, settings([250, 1], [2, 10]), frame(0x81, 0, Buffer.from('news')));
    });
    closing.push(() => server[Symbol.asyncDispose]());
    const socket = transport().dial(server.address, { metadata: { frames: '1' } });
    await socket.send({ header: FIELDS, body: Buffer.from('x') });
    const peer = await eventually(() => server.peers[0] ?? Promise.reject(new Error('nobody has connected')));
    await peer.frame(KIND.open, 1);
    peer.send(frame(0xc0, 1), message(KIND.data, 1, FIELDS, Buffer.from('fine'), FLAG.end | 0x20));
    expect(Buffer.from((await socket.receive())?.body ?? []).toString()).toBe('fine');
  });

  test('refuses exchanges that the server opens, and tells it why', async () => {
    const server = await rawServer((peer) => peer.send(PREFACE, settings(), message(KIND.open, 1, FIELDS)));
    closing.push(() => server[Symbol.asyncDispose]());
    const socket = transport().dial(server.address, { metadata: { frames: '1' } });
    await socket.send({ header: FIELDS, body: Buffer.from('x') });
    await expect(failure(socket)).resolves.toMatchObject({ code: 503 });
    expect(await server.peers[0]?.refusal()).toMatch(/only the side that dialled opens/);
  });

  test('survives a server that answers with garbage, and fails only the calls on that connection', async () => {
    const server = await rawServer((peer) => peer.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')));
    closing.push(() => server[Symbol.asyncDispose]());
    const client = transport();
    const socket = client.dial(server.address, { metadata: { frames: '1' } });
    await socket.send({ header: FIELDS, body: Buffer.from('x') });
    expect(await failure(socket)).toMatchObject({
      code: 503,
      detail: expect.stringContaining('does not speak frames'),
    });
    expect(await call(client, (await listen(echo)).address, FIELDS, Buffer.from('y'))).toBe('y');
  });
});
