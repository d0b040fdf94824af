import { Socket as NetSocket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { DialOptions, Socket } from '../../src/contract/transport.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { connect } from '../../src/transport/connect.ts';
import { createHttp1Client, type Http1Client, type Http1ClientOptions } from '../../src/transport/http1-client.ts';
import { limitsFrom, type TransportLimits } from '../../src/transport/limits.ts';
import { now } from '../../src/util/clock.ts';
import {
  type Http1Place,
  header,
  serve as makePlace,
  rawServer as makeRawServer,
  message,
  type RawPeer,
  type RawServer,
  textOf,
  until,
} from './http1-peers.ts';

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Options = Partial<Omit<Http1ClientOptions, 'limits'>> & { limits?: TransportLimits };

function client({ limits, ...options }: Options = {}): Http1Client {
  const made = createHttp1Client({
    limits: limitsFrom(limits),
    connect: (address, timeoutMs, settled) => connect(address, { timeoutMs }, settled),
    ...options,
  });
  closing.push(() => made.close());
  return made;
}

async function rawServer(connected?: (peer: RawPeer) => unknown): Promise<RawServer> {
  const server = await makeRawServer(connected);
  closing.push(() => server.close());
  return server;
}

async function serve(accept: (socket: Socket) => unknown): Promise<Http1Place> {
  const place = await makePlace(accept);
  closing.push(() => place.close());
  return place;
}

/** Answers every request of every connection as Go does: the fields of the first request come back on every answer. */
function goEcho(peer: RawPeer): Promise<void> {
  return (async () => {
    const first = await peer.next();
    const { Host, 'Content-Length': _, ...echoed } = first.fields;
    for (let request = first; ; request = await peer.next()) {
      const id = request.fields['Micro-Id'] ?? '';
      const fields = { ...echoed, 'Micro-Id': id, 'X-Micro-Id': id };
      const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
      const body = `echo ${request.body}`;
      // Go writes every piece of a line with a system call of its own.
      for (const piece of ['HTTP/1.1 200 OK\r\n', `Content-Length: ${body.length}\r\n`, ...lines, '\r\n', body]) {
        peer.write(piece);
      }
    }
  })();
}

const FIELDS = header({
  'Micro-Service': 'greeter',
  'Micro-Endpoint': 'Say.Hello',
  'Content-Type': 'application/json',
});

async function call(
  from: Http1Client,
  address: string,
  body = 'x',
  options?: DialOptions,
): Promise<string | undefined> {
  const socket = from.dial(address, options);
  await socket.send({ header: FIELDS, body: Buffer.from(body) });
  const answer = textOf(await socket.receive());
  expect(await socket.receive()).toBeUndefined();
  return answer;
}

async function failure(run: () => unknown): Promise<MicroError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof MicroError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

test('a request is what a Go server reads: one write, with the host, the length and an id', async () => {
  const server = await rawServer(goEcho);
  const from = client();
  const socket = from.dial(server.address);
  await socket.send({ header: FIELDS, extra: header({ Timeout: '5' }), body: Buffer.from('{"name":"John"}') });
  expect(textOf(await socket.receive())).toBe('echo {"name":"John"}');
  expect(server.peers[0]?.text()).toBe(
    `POST / HTTP/1.1\r\nHost: ${server.address}\r\nContent-Length: 15\r\nMicro-Service: greeter\r\n` +
      'Micro-Endpoint: Say.Hello\r\nContent-Type: application/json\r\nTimeout: 5\r\nMicro-Id: 1\r\n\r\n{"name":"John"}',
  );
});

test('a field of the message alone replaces the common one, and no value can begin a new line', async () => {
  const server = await rawServer(goEcho);
  const socket = client().dial(server.address);
  await socket.send(message('', { A: 'common', B: 'b' }, { A: 'own', Evil: 'a\r\nInjected: 1' }));
  await socket.receive();
  const text = server.peers[0]?.text() ?? '';
  expect(text).toContain('A: own\r\n');
  expect(text).not.toContain('common');
  expect(text).toContain('Evil: a  Injected: 1\r\n');
  expect(text).toContain('Content-Length: 0\r\n');
});

test('a thousand calls, one after the other, use one connection and never the same id', async () => {
  const server = await rawServer(goEcho);
  const from = client();
  for (let i = 0; i < 1_000; i++) expect(await call(from, server.address, `${i}`)).toBe(`echo ${i}`);
  expect(server.peers.length).toBe(1);
  const ids = [...(server.peers[0]?.text() ?? '').matchAll(/Micro-Id: (\d+)/g)].map((match) => match[1]);
  expect(new Set(ids).size).toBe(1_000);
  expect(from.stats).toEqual({ connections: 1, idle: 1, waiting: 0, dialled: 1, reused: 999 });
});

test('calls at the same time have a connection each, and the pool keeps no more than its size', async () => {
  const server = await rawServer(goEcho);
  const from = client({ poolSize: 3 });
  const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => call(from, server.address, `${i}`)));
  expect(answers).toEqual(Array.from({ length: 10 }, (_, i) => `echo ${i}`));
  expect(from.stats).toMatchObject({ connections: 3, idle: 3, dialled: 10 });
  await until('the others to be closed', () => server.peers.filter((peer) => peer.closed).length === 7);
});

test('a pool of 0 keeps nothing', async () => {
  const server = await rawServer(goEcho);
  const from = client({ poolSize: 0 });
  for (let i = 0; i < 3; i++) await call(from, server.address);
  expect(from.stats).toMatchObject({ connections: 0, idle: 0, dialled: 3, reused: 0 });
});

test('a connection older than the pool allows is not used again', async () => {
  const server = await rawServer(goEcho);
  const from = client({ poolTtlMs: 60 });
  await call(from, server.address);
  await until('its age', () => from.stats.connections === 0);
  await call(from, server.address);
  expect(from.stats.dialled).toBe(2);
});

test('an idle connection is closed after the idle time', async () => {
  const server = await rawServer(goEcho);
  const from = client({ limits: { idleTimeoutMs: 60 } });
  await call(from, server.address);
  expect(from.stats.idle).toBe(1);
  await until('it to be closed', () => server.peers[0]?.closed === true && from.stats.connections === 0);
});

for (const [what, disturb] of [
  ['ends', (peer: RawPeer) => peer.socket.end()],
  ['breaks', (peer: RawPeer) => peer.socket.resetAndDestroy()],
  ['says something', (peer: RawPeer) => peer.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate')],
] as const) {
  test(`an idle connection that ${what} is not used again`, async () => {
    const server = await rawServer(goEcho);
    const from = client();
    await call(from, server.address);
    disturb(server.peers[0] as RawPeer);
    await until('it to be dropped', () => from.stats.connections === 0);
    expect(await call(from, server.address, 'again')).toBe('echo again');
    expect(from.stats).toMatchObject({ dialled: 2, reused: 0 });
  });
}

test('what follows an answer in the same piece spoils the connection, not the next call', async () => {
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  const server = await rawServer(async (peer) => {
    await peer.next();
    peer.write(`${answer}${answer}`);
    await peer.next();
    peer.write(answer);
  });
  const from = client();
  expect(await call(from, server.address)).toBe('ok');
  expect(from.stats.connections).toBe(0);
});

test('a connection that was closed while it lay idle fails as not executed, and a fresh one as perhaps executed', async () => {
  const server = await rawServer(async (peer) => {
    await peer.next();
    if (server.peers.length === 1) peer.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    else peer.socket.destroy();
    await peer.next();
    peer.socket.destroy();
  });
  const from = client();
  await call(from, server.address);
  const stale = await failure(() => call(from, server.address));
  expect(stale).toMatchObject({ code: 503, id: 'go.micro.client.transport', unexecuted: true });
  const fresh = await failure(() => call(from, server.address));
  expect(fresh).toMatchObject({ code: 503, id: 'go.micro.client.transport', unexecuted: false });
  expect(fresh.detail).toContain(server.address);
  expect(fresh.detail).toContain('may have been executed');
});

test('a connection that is used again and dies late, or within its answer, fails as perhaps executed', async () => {
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  const server = await rawServer(async (peer) => {
    await peer.next();
    peer.write(ok);
    const { body } = await peer.next();
    if (body === 'late') {
      const asked = performance.now();
      await until('some time', () => performance.now() - asked > 350);
      peer.socket.end();
    } else {
      peer.write('HTTP/1.1 200 OK\r\nContent-Le');
      peer.socket.end();
    }
  });
  for (const body of ['late', 'cut']) {
    const from = client();
    await call(from, server.address);
    expect(await failure(() => call(from, server.address, body))).toMatchObject({ code: 503, unexecuted: false });
  }
});

test('nobody there is a 503 that says that nothing ran', async () => {
  const server = await rawServer();
  await server.close();
  const error = await failure(() => call(client(), server.address));
  expect(error).toMatchObject({ code: 503, unexecuted: true });
  expect(error.detail).toContain(`cannot connect to ${server.address}`);
});

test('an address that is none fails the exchange and throws nothing', async () => {
  const from = client();
  for (const stream of [false, true]) {
    const socket = from.dial('nonsense', { stream });
    expect((await failure(() => socket.receive())).detail).toContain('"nonsense" is not host:port');
  }
  expect(from.stats.connections).toBe(0);
});

test('another status than 200 is an error with its text, and ends the connection', async () => {
  const server = await rawServer(async (peer) => {
    const { body } = await peer.next();
    peer.write(`HTTP/1.1 ${body}\r\nContent-Length: 17\r\n\r\nan error occurred`);
  });
  const from = client();
  for (const [status, code] of [
    ['500 Internal Server Error', 500],
    ['404 Not Found', 500],
    ['503 Service Unavailable', 503],
    ['413 Request Entity Too Large', 413],
  ] as const) {
    const error = await failure(() => call(from, server.address, status));
    expect(error).toMatchObject({ code, detail: `${status}: an error occurred` });
  }
  expect(from.stats.connections).toBe(0);
});

test('an answer that is none, or over the limits, ends the call and not the process', async () => {
  const answers: [string, number][] = [
    ['nonsense\r\n\r\n', 500],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n', 413],
    [`HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(1_000)}\r\n`, 431],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na', 500],
  ];
  const server = await rawServer(async (peer) => {
    const { body } = await peer.next();
    peer.write(answers[Number(body)]?.[0] ?? '');
  });
  const from = client();
  for (const [index, [, code]] of answers.entries()) {
    expect((await failure(() => call(from, server.address, String(index)))).code).toBe(code);
  }
  expect(from.stats.connections).toBe(0);
});

test('an error in the answer is handed up, and the connection is used again, but not after a grpc type', async () => {
  const server = await rawServer(async (peer) => {
    for (;;) {
      const { fields } = await peer.next();
      const type = fields['Content-Type'];
      peer.write(`HTTP/1.1 200 OK\r\nMicro-Error: boom\r\nContent-Type: ${type}\r\nContent-Length: 0\r\n\r\n`);
    }
  });
  const from = client();
  const ask = async (type: string): Promise<string | undefined> => {
    const socket = from.dial(server.address);
    await socket.send(message('x', { 'Content-Type': type }));
    return (await socket.receive())?.header['Micro-Error'];
  };
  expect(await ask('application/json')).toBe('boom');
  expect(await ask('application/grpc+proto')).toBe('boom');
  expect(from.stats).toEqual({ connections: 0, idle: 0, waiting: 0, dialled: 1, reused: 1 });
});

test('an answer whose server says that it closes ends the connection', async () => {
  const server = await rawServer(async (peer) => {
    const { body } = await peer.next();
    if (body === 'length') peer.write('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
    else if (body === 'old') peer.write('HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok');
    else peer.socket.end('HTTP/1.1 200 OK\r\n\r\nok');
  });
  const from = client();
  for (const body of ['length', 'old', 'end']) expect(await call(from, server.address, body)).toBe('ok');
  expect(from.stats).toMatchObject({ connections: 0, reused: 0 });
});

test('a deadline ends the call with 408 that says where, and its connection is not used again', async () => {
  const server = await rawServer();
  const from = client();
  const began = performance.now();
  const error = await failure(() => call(from, server.address, 'x', { deadline: now() + 1_000 }));
  expect(error).toMatchObject({ code: 408, id: 'go.micro.client', unexecuted: false });
  expect(error.detail).toBe(`call timeout: the deadline passed while waiting for the reply of ${server.address}`);
  expect(performance.now() - began).toBeGreaterThan(900);
  expect(from.stats.connections).toBe(0);
  await until('the server to see it', () => server.peers[0]?.closed === true);
});

test('a call that is given up ends its connection, and the server learns of it', async () => {
  const reasons: Error[] = [];
  const place = await serve((socket) => socket.onClose((reason) => reasons.push(reason)));
  const from = client();
  const socket = from.dial(place.address);
  await socket.send({ header: FIELDS, body: Buffer.from('x') });
  await until('the call', () => place.connections[0]?.open === 1);
  const receiving = failure(() => socket.receive());
  socket.close();
  expect(await receiving).toMatchObject({ code: 499 });
  await until('the server to learn', () => reasons.length === 1);
  expect(from.stats.connections).toBe(0);
});

test('a call that is given up before it said anything leaves the connection to others', async () => {
  const place = await serve(async (socket) => socket.end(message(textOf(await socket.receive()))));
  const from = client();
  await call(from, place.address);
  from.dial(place.address).close();
  expect(from.stats.idle).toBe(1);
  expect(await call(from, place.address, 'y')).toBe('y');
  expect(from.stats.dialled).toBe(1);
});

test('a stream as Go serves it: ids on every message, a connection of its own, and both ends', async () => {
  const server = await rawServer(async (peer) => {
    await peer.next();
    const { body } = await peer.next();
    const fields = 'Micro-Id: 1\r\nMicro-Stream: 1\r\nMicro-Endpoint: Say.Stream\r\n';
    peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`);
    peer.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2');
    // The client's end has to be here before the last is said, which ends the connection.
    await peer.next();
    peer.write('HTTP/1.1 200 OK\r\nMicro-Error: EOS\r\nX-Micro-Error: EOS\r\nContent-Length: 0\r\n\r\n');
  });
  const from = client();
  const socket = from.dial(server.address, { stream: true });
  await socket.send({ header: FIELDS, body: Buffer.alloc(0) });
  await socket.send({ header: FIELDS, body: Buffer.from('1') });
  await socket.end();
  expect(textOf(await socket.receive())).toBe('1');
  expect(textOf(await socket.receive())).toBe('2');
  expect(await socket.receive()).toBeUndefined();
  const head =
    `POST / HTTP/1.1\r\nHost: ${server.address}\r\nContent-Length: 0\r\nMicro-Service: greeter\r\n` +
    'Micro-Endpoint: Say.Hello\r\nContent-Type: application/json\r\nMicro-Id: 1\r\nMicro-Stream: 1\r\n\r\n';
  const eos = head.replace('Micro-Id', 'Micro-Error: EOS\r\nMicro-Id');
  // On a machine that is busy the server's end comes so late that the client has asked for it meanwhile.
  const probe = head
    .replace('Say.Hello', 'MicroEndOfStreamProbe.Probe')
    .replace('Micro-Id', 'Micro-Method: MicroEndOfStreamProbe.Probe\r\nMicro-Id');
  const text = server.peers[0]?.text().replaceAll(probe, '');
  expect(text).toBe(`${head}${head.replace('Length: 0', 'Length: 1')}1${eos}`);
  await until('the end of the connection', () => server.peers[0]?.closed === true);
  expect(from.stats.connections).toBe(0);
});

test('a stream whose connection breaks fails after what had arrived', async () => {
  const server = await rawServer(async (peer) => {
    await peer.next();
    peer.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1');
  });
  const socket = client().dial(server.address, { stream: true });
  await socket.send({ header: FIELDS, body: Buffer.alloc(0) });
  expect(textOf(await socket.receive())).toBe('1');
  const error = await failure(() => socket.receive());
  expect(error).toMatchObject({ code: 503, unexecuted: false });
  expect(error.detail).toContain('before the stream ended');
});

test('a stream that ends with an error hands it up and ends', async () => {
  const place = await serve(async (socket) => {
    await socket.receive();
    await socket.send(message('1'));
    await socket.end(message('', {}, { 'Micro-Error': 'boom' }));
  });
  const socket = client().dial(place.address, { stream: true });
  await socket.send({ header: FIELDS, body: Buffer.alloc(0) });
  expect(textOf(await socket.receive())).toBe('1');
  expect((await socket.receive())?.header['Micro-Error']).toBe('boom');
  expect(await socket.receive()).toBeUndefined();
});

test('a server that stands still in the middle of a stream is given up', async () => {
  const server = await rawServer(async (peer) => {
    await peer.next();
    peer.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
  });
  const socket = client({ limits: { stallTimeoutMs: 80 } }).dial(server.address, { stream: true });
  await socket.send({ header: FIELDS, body: Buffer.alloc(0) });
  expect((await failure(() => socket.receive())).detail).toContain('stood still');
});

test('a receiver of a stream that takes nothing stops its server', async () => {
  let sent = 0;
  const place = await serve(async (socket) => {
    for (; sent < 600; sent++) await socket.send(message('a'.repeat(32 * 1024)));
    await socket.end();
  });
  const socket = client().dial(place.address, { stream: true });
  await socket.send({ header: FIELDS, body: Buffer.alloc(0) });
  let before = -1;
  await until('the server to stand still', () => {
    const same = sent > 0 && sent === before;
    before = sent;
    return same;
  });
  expect(sent).toBeLessThan(600);
  let count = 0;
  while ((await socket.receive()) !== undefined) count++;
  expect(count).toBe(600);
});

test('calls over the limit of connections wait for one, in order, until their deadline', async () => {
  const waiting: Socket[] = [];
  const place = await serve((socket) => void waiting.push(socket));
  const from = client({ maxConnectionsPerAddress: 2 });
  const answers: (string | undefined)[] = [];
  const calls = ['a', 'b', 'c', 'd'].map(async (body) => answers.push(await call(from, place.address, body)));
  const late = failure(() => call(from, place.address, 'late', { deadline: now() + 50 }));
  await until('two calls', () => waiting.length === 2);
  expect(await late).toMatchObject({ code: 408, unexecuted: true });
  expect(from.stats).toMatchObject({ connections: 2, waiting: 2 });
  for (let i = 0; i < 4; i++) {
    await until('a call', () => waiting.length > 0);
    const socket = waiting.shift();
    await socket?.end(message(textOf(await socket.receive())));
  }
  await Promise.all(calls);
  expect(answers).toEqual(['a', 'b', 'c', 'd']);
  expect(from.stats).toMatchObject({ connections: 2, waiting: 0, dialled: 2 });
});

test('closing the client fails what is open or waits, and what is dialled later', async () => {
  const place = await serve(() => {});
  const from = client({ maxConnectionsPerAddress: 1 });
  const open = failure(() => call(from, place.address));
  const waits = failure(() => call(from, place.address));
  await until('the call', () => place.connections[0]?.open === 1);
  from.close();
  expect(await open).toMatchObject({ code: 499, unexecuted: false });
  expect(await waits).toMatchObject({ code: 499, unexecuted: true });
  expect(await failure(() => call(from, place.address))).toMatchObject({ code: 499, unexecuted: true });
  expect(from.stats.connections).toBe(0);
  await until('the server to learn', () => place.connections[0]?.open === 0);
});

test('after closing, nothing is left over', async () => {
  const resources = (): string[] => process.getActiveResourcesInfo().filter((name) => /TCP|Timeout/.test(name));
  const before = resources().length;
  const place = await makePlace(async (socket) => socket.end(message(textOf(await socket.receive()))));
  const from = client();
  await Promise.all(Array.from({ length: 20 }, () => call(from, place.address, 'x', { deadline: now() + 60_000 })));
  from.close();
  await place.close();
  await until(`${resources().join()} to end`, () => resources().length <= before);
});

test('an idle connection does not keep the process alive, and one that is used does', async () => {
  const sockets: { ref: boolean }[] = [];
  const server = await rawServer(goEcho);
  const from = client({
    connect(address, timeoutMs, settled) {
      const socket = connect(address, { timeoutMs }, settled);
      const state = { ref: true };
      sockets.push(state);
      const { ref, unref } = socket;
      socket.ref = () => {
        state.ref = true;
        return ref.call(socket);
      };
      socket.unref = () => {
        state.ref = false;
        return unref.call(socket);
      };
      return socket;
    },
  });
  const first = from.dial(server.address);
  await first.send({ header: FIELDS, body: Buffer.from('x') });
  expect(sockets).toEqual([{ ref: true }]);
  await first.receive();
  expect(sockets).toEqual([{ ref: false }]);
  const second = from.dial(server.address);
  expect(sockets).toEqual([{ ref: true }]);
  second.close();
});

test('how long connecting may take is passed on as it was said, and what did not connect was not executed', async () => {
  const allowed: (number | undefined)[] = [];
  const from = client({
    connect(_address, timeoutMs, settled) {
      allowed.push(timeoutMs);
      setTimeout(settled, 5, new MicroError({ code: 503, detail: 'no connection in time', unexecuted: true }));
      // What is written to it waits for it to connect.
      return Object.assign(new NetSocket(), { connecting: true });
    },
  });
  for (const options of [{}, { connectTimeoutMs: 30 }, { connectTimeoutMs: 0 }]) {
    const error = await failure(() => call(from, '127.0.0.1:1', 'x', options));
    expect(error).toMatchObject({ code: 503, detail: 'no connection in time', unexecuted: true });
  }
  expect(allowed).toEqual([undefined, 30, 0]);
});

test('a connection that ends before it stood fails as not executed', async () => {
  const from = client({
    connect() {
      const socket = new NetSocket();
      setTimeout(() => socket.destroy(), 5);
      return socket;
    },
  });
  expect(await failure(() => call(from, '127.0.0.1:1'))).toMatchObject({ code: 503, unexecuted: true });
});
