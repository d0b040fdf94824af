import { afterEach, expect, test } from 'vitest';
import type { Message } from '../../src/contract/message.ts';
import type { Socket } from '../../src/contract/transport.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import type { TransportLimits } from '../../src/transport/limits.ts';
import {
  goRequest,
  type Http1Place,
  message,
  type RawPeer,
  serve as servePlace,
  textOf,
  until,
} from './http1-peers.ts';

const places: Http1Place[] = [];

afterEach(async () => {
  await Promise.all(places.splice(0).map((place) => place.close()));
});

async function serve(accept: (socket: Socket) => unknown, limits?: TransportLimits): Promise<Http1Place> {
  const place = await servePlace(accept, limits);
  places.push(place);
  return place;
}

const JSON_TYPE = { 'Content-Type': 'application/json' };
const CALL = { ...JSON_TYPE, Accept: 'application/json', 'Micro-Endpoint': 'Say.Hello', 'Micro-Service': 'greeter' };
const call = (id: string | number, body = '{}', more: Record<string, string> = {}): string =>
  goRequest({ ...CALL, 'Micro-Id': String(id), ...more }, body);
const streamed = (id: number, body = '', more: Record<string, string> = {}): string =>
  goRequest({ ...CALL, 'Micro-Id': String(id), 'Micro-Stream': String(id), ...more }, body);

async function echo(socket: Socket): Promise<void> {
  const request = await socket.receive();
  await socket.end(message(`echo ${textOf(request)}`, JSON_TYPE));
}

test('a Go client gets its answer, with the length, its id and the older name of it', async () => {
  let seen: Message | undefined;
  const place = await serve(async (socket) => {
    seen = await socket.receive();
    expect(await socket.receive()).toBeUndefined();
    expect([socket.local, socket.remote]).toEqual(['here:1', 'there:2']);
    await socket.end(message('{"msg":"Hello John"}\n', JSON_TYPE));
  });
  const peer = await place.dial();
  peer.write(call(7, '{"name":"John"}\n', { Timeout: '5000000000' }));
  expect(await peer.next()).toEqual({
    line: 'HTTP/1.1 200 OK',
    fields: { 'Content-Length': '21', 'Content-Type': 'application/json', 'Micro-Id': '7', 'X-Micro-Id': '7' },
    body: '{"msg":"Hello John"}\n',
  });
  expect(textOf(seen)).toBe('{"name":"John"}\n');
  expect({ ...seen?.header }).toEqual({ ...CALL, 'User-Agent': 'Go-http-client/1.1', Timeout: '5000000000' });
  expect(Object.getPrototypeOf(seen?.header)).toBe(null);
});

test('an error and the fields of go-micro are written under their older names too, and an empty answer has a length', async () => {
  const place = await serve(async (socket) => {
    await socket.receive();
    await socket.end(message('', { 'Micro-Service': 's' }, { 'Micro-Error': '{"code":404}' }));
  });
  const peer = await place.dial();
  peer.write(call(1));
  expect((await peer.next()).fields).toEqual({
    'Content-Length': '0',
    'Micro-Service': 's',
    'X-Micro-Service': 's',
    'Micro-Error': '{"code":404}',
    'X-Micro-Error': '{"code":404}',
    'Micro-Id': '1',
    'X-Micro-Id': '1',
  });
});

test('calls on one connection run at the same time, and each answer carries the id of its call', async () => {
  const waiting: Socket[] = [];
  const place = await serve((socket) => void waiting.push(socket));
  const peer = await place.dial();
  peer.write(call(1, 'a') + call(2, 'b') + call(3, 'c'));
  await until('three calls', () => waiting.length === 3);
  for (const socket of waiting.reverse()) await echo(socket);
  const answers = [await peer.next(), await peer.next(), await peer.next()];
  expect(answers.map(({ fields, body }) => [fields['Micro-Id'], body])).toEqual([
    ['3', 'echo c'],
    ['2', 'echo b'],
    ['1', 'echo a'],
  ]);
});

test('a unary id that comes again, open or finished, is a call of its own', async () => {
  const waiting: Socket[] = [];
  const place = await serve((socket) => void waiting.push(socket));
  const peer = await place.dial();
  peer.write(call(5, 'a') + call(5, 'b'));
  await until('both', () => waiting.length === 2);
  for (const socket of waiting) await echo(socket);
  peer.write(call(5, 'c'));
  await until('the third', () => waiting.length === 3);
  for (const socket of waiting.slice(2)) await echo(socket);
  expect([await peer.next(), await peer.next(), await peer.next()].map(({ body }) => body)).toEqual([
    'echo a',
    'echo b',
    'echo c',
  ]);
});

test('nothing that stands in a message can begin a new line, and fields of the framing are not taken from it', async () => {
  const place = await serve(async (socket) => {
    await socket.receive();
    await socket.end(
      message('ok', {
        Evil: 'a\r\nInjected: 1\r\n\r\nHTTP/1.1 200 OK\0',
        'Bad Name\r\nInjected': 'x',
        'Content-Length': '999',
        'transfer-encoding': 'chunked',
        Connection: 'close',
        'Micro-Id': 'other',
        Text: 'grüße',
      }),
    );
  });
  const peer = await place.dial();
  peer.write(call('7 ü', 'x'));
  expect((await peer.next()).fields).toEqual({
    'Content-Length': '2',
    Evil: 'a  Injected: 1    HTTP/1.1 200 OK',
    Text: 'grüße',
    'Micro-Id': '7 ü',
    'X-Micro-Id': '7 ü',
  });
});

test('a stream as Go speaks it: no answer to what arrives, messages both ways, and the end of both sides', async () => {
  const seen: unknown[] = [];
  const place = await serve(async (socket) => {
    seen.push(textOf(await socket.receive()));
    for (let one = await socket.receive(); one !== undefined; one = await socket.receive()) {
      seen.push(textOf(one));
      await socket.send(message(`got ${textOf(one)}`, JSON_TYPE));
    }
    seen.push('end');
    await socket.end();
  });
  const peer = await place.dial();
  peer.write(streamed(1, 'open'));
  await until('the open message', () => seen.length === 1);
  expect(peer.text()).toBe('');
  peer.write(streamed(1, 'a') + streamed(1, 'b') + streamed(1, '', { 'Micro-Error': 'EOS' }) + streamed(1, 'late'));
  const answers = [await peer.next(), await peer.next(), await peer.next()];
  expect(answers.map(({ fields, body }) => [fields['Micro-Id'], fields['Micro-Error'], body])).toEqual([
    ['1', undefined, 'got a'],
    ['1', undefined, 'got b'],
    ['1', 'EOS', ''],
  ]);
  expect(answers[2]?.fields['X-Micro-Error']).toBe('EOS');
  expect(seen).toEqual(['open', 'a', 'b', 'end']);
});

test('what arrives on a stream that has ended begins nothing', async () => {
  let accepted = 0;
  const place = await serve(async (socket) => {
    accepted++;
    await socket.receive();
    if (accepted === 1) await socket.end();
    else await socket.end(message('', {}, { 'Micro-Error': 'no' }));
  });
  const peer = await place.dial();
  peer.write(streamed(1) + streamed(1, 'late') + streamed(1, '', { 'Micro-Error': 'EOS' }));
  expect((await peer.next()).fields['Micro-Error']).toBe('EOS');
  peer.write(streamed(2));
  expect((await peer.next()).fields['Micro-Error']).toBe('no');
  // An error is the end: no EOS follows it.
  peer.write(streamed(2, 'late') + streamed(9, '', { 'Micro-Error': 'EOS' }) + streamed(3));
  expect((await peer.next()).fields).toMatchObject({ 'Micro-Id': '3', 'Micro-Error': 'no' });
  expect(accepted).toBe(3);
});

test('a unary call that carries the stream id of its caller is answered once, and again when it comes again', async () => {
  const place = await serve(echo);
  const peer = await place.dial();
  for (const id of [10, 11, 12]) {
    peer.write(call(id, `call ${id}`, { 'Micro-Stream': '3' }));
    expect(await peer.next()).toMatchObject({ body: `echo call ${id}`, fields: { 'Micro-Id': String(id) } });
  }
  expect(peer.text()).not.toContain('EOS');
});

test('a stream whose client ends it and leaves is read to its end', async () => {
  let begin = (): void => {};
  const gate = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const seen: (string | undefined)[] = [];
  const place = await serve(async (socket) => {
    await gate;
    for (let one = await socket.receive(); one !== undefined; one = await socket.receive()) seen.push(textOf(one));
    seen.push('end');
    await socket.end();
  });
  const peer = await place.dial();
  peer.write(streamed(1, 'open') + streamed(1, 'a') + streamed(1, 'b') + streamed(1, '', { 'Micro-Error': 'EOS' }));
  await until('the stream', () => place.connections[0]?.open === 1);
  peer.socket.end();
  await until('the end of the connection', () => peer.closed);
  begin();
  await until('the end', () => seen.length === 4);
  expect(seen).toEqual(['open', 'a', 'b', 'end']);
  await until('closed', () => place.closed === 1);
});

test('a client that leaves in the middle ends its calls and streams', async () => {
  const reasons: Error[] = [];
  const place = await serve(async (socket) => {
    socket.onClose((reason) => reasons.push(reason));
    await socket.receive();
    await socket.receive();
  });
  const peer = await place.dial();
  peer.write(call(1) + streamed(2));
  await until('both', () => place.connections[0]?.open === 2);
  peer.end();
  await until('both to fail', () => reasons.length === 2);
  expect(reasons[0]).toMatchObject({ code: 503 });
  expect(reasons[0]?.message).toContain('connection lost: there:2');
  await until('closed', () => place.closed === 1);
});

test('a call that the server gives up is answered with another status than 200', async () => {
  const place = await serve((socket) => socket.close(new MicroError({ detail: 'no more' })));
  const peer = await place.dial();
  peer.write(call(1));
  expect(await peer.next()).toMatchObject({
    line: 'HTTP/1.1 500 Internal Server Error',
    fields: { 'Micro-Id': '1' },
    body: 'no more\n',
  });
});

test('plain HTTP clients are answered in the order in which they asked, one at a time', async () => {
  const waiting: Socket[] = [];
  const place = await serve((socket) => void waiting.push(socket));
  const peer = await place.dial();
  const plain = (body: string): string => goRequest({ 'Micro-Endpoint': 'A.B' }, body);
  peer.write(`${plain('a') + plain('b')}GET / HTTP/1.1\r\n\r\n${plain('c')}`);
  for (const letter of ['a', 'b', 'c']) {
    await until(letter, () => waiting.length === 1);
    expect(place.connections[0]?.open).toBe(1);
    await echo(waiting.splice(0)[0] as Socket);
  }
  const lines = [await peer.next(), await peer.next(), await peer.next(), await peer.next()];
  expect(lines.map(({ line, body }) => line.slice(9, 12) + body.slice(0, 6))).toEqual([
    '200echo a',
    '200echo b',
    '404nothin',
    '200echo c',
  ]);
});

test('a thousand plain requests at once that are answered at once do not grow the stack', async () => {
  const place = await serve((socket) => {
    const request = socket.receive() as Message;
    return socket.end(message(textOf(request)));
  });
  const peer = await place.dial();
  const count = 2_000;
  peer.write(Array.from({ length: count }, (_, i) => goRequest({}, `body ${i}`)).join(''));
  for (let i = 0; i < count; i++) expect((await peer.next()).body).toBe(`body ${i}`);
});

const plainCases: [string, string, Record<string, string>, boolean][] = [
  ['curl', 'POST /any/path?q HTTP/1.1\r\nMicro-Endpoint: A.B\r\nContent-Length: 1\r\n\r\nx', {}, false],
  ['a GET with an endpoint', 'GET / HTTP/1.1\r\nX-Micro-Endpoint: A.B\r\n\r\n', {}, false],
  ['HTTP/1.0', 'POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx', { Connection: 'close' }, true],
  [
    'HTTP/1.0 that stays',
    'POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx',
    { Connection: 'keep-alive' },
    false,
  ],
  [
    'Connection: close',
    'POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx',
    { Connection: 'close' },
    true,
  ],
  [
    'Connection: close beside an id, which means nothing',
    'POST / HTTP/1.1\r\nConnection: close\r\nMicro-Id: 1\r\nContent-Length: 1\r\n\r\nx',
    { 'Micro-Id': '1', 'X-Micro-Id': '1' },
    false,
  ],
];

for (const [who, text, fields, closes] of plainCases) {
  test(`${who} is answered, and the connection ${closes ? 'ends' : 'stays'}`, async () => {
    const place = await serve(echo);
    const peer = await place.dial();
    peer.write(text);
    const answer = await peer.next();
    expect(answer.line).toBe('HTTP/1.1 200 OK');
    expect(answer.fields).toEqual({ 'Content-Length': expect.any(String), ...JSON_TYPE, ...fields });
    if (closes) {
      await until('the end', () => peer.closed);
    } else {
      peer.write(text);
      expect((await peer.next()).body).toBe(answer.body);
    }
  });
}

test('what is HTTP but no call is told so', async () => {
  const place = await serve(() => expect.unreachable());
  const peer = await place.dial();
  for (const [request, line] of [
    ['GET /health HTTP/1.1\r\n\r\n', 'HTTP/1.1 404 Not Found'],
    ['HEAD / HTTP/1.1\r\n\r\n', 'HTTP/1.1 404 Not Found'],
    ['DELETE / HTTP/1.1\r\n\r\n', 'HTTP/1.1 405 Method Not Allowed'],
    ['POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n', 'HTTP/1.1 400 Bad Request'],
  ] as const) {
    const other = await place.dial();
    other.write(request);
    if (request.startsWith('HEAD')) {
      await until('a head', () => other.text().endsWith('\r\n\r\n'));
      expect(other.text()).toContain(line);
    } else {
      expect((await other.next()).line).toBe(line);
    }
  }
  peer.end();
});

test('who expects to be asked for the body is asked, and not when it is too large', async () => {
  const place = await serve(echo, { maxMessageBytes: 10 });
  const peer = await place.dial();
  peer.write('POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n');
  await until('to be asked', () => peer.text() === 'HTTP/1.1 100 Continue\r\n\r\n');
  peer.write('abc');
  await until('an answer', () => peer.text().endsWith('echo abc'));
  const other = await place.dial();
  other.write('POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n');
  expect((await other.next()).line).toBe('HTTP/1.1 413 Request Entity Too Large');
  await until('the end', () => other.closed);
});

// Limits, and peers that mean ill ------------------------------------------------------------------------------------

const garbage: [string, string | Buffer, string][] = [
  ['random bytes', Buffer.from([0x80, 0, 1, 2, 3, 255]), '400'],
  ['a first line that is none', 'hello\r\n\r\n', '400'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '505'],
  ['a body of a gigabyte', 'POST / HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n', '413'],
  ['ten thousand fields', `POST / HTTP/1.1\r\n${'A: b\r\n'.repeat(10_000)}\r\n`, '431'],
  ['a field of a megabyte', `POST / HTTP/1.1\r\nA: ${'a'.repeat(1024 * 1024)}\r\n\r\n`, '431'],
  ['two lengths', 'POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', '400'],
  ['a bad chunk', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', '400'],
  ['another encoding', 'POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n', '501'],
];

for (const [what, bytes, status] of garbage) {
  test(`${what}: the connection hears ${status} and ends, and another one notices nothing`, async () => {
    const place = await serve(echo);
    const good = await place.dial();
    good.write(call(1, 'before'));
    expect((await good.next()).body).toBe('echo before');
    const bad = await place.dial();
    bad.write(bytes);
    await until('the refusal', () => bad.text().includes('\r\n\r\n'));
    expect(bad.text()).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*Connection: close`));
    await until('the end', () => bad.closed);
    good.write(call(2, 'after'));
    expect((await good.next()).body).toBe('echo after');
    await until('to be told', () => place.closed === 1);
  });
}

test('what is open on a connection fails when its peer sends nonsense', async () => {
  const reasons: Error[] = [];
  const place = await serve((socket) => socket.onClose((reason) => reasons.push(reason)));
  const peer = await place.dial();
  peer.write(call(1));
  await until('the call', () => place.connections[0]?.open === 1);
  peer.write('nonsense\r\n');
  await until('the call to fail', () => reasons.length === 1);
  expect((await peer.next()).line).toBe('HTTP/1.1 400 Bad Request');
});

test('a head that trickles in is cut off although it never stands still', async () => {
  const place = await serve(() => expect.unreachable(), { stallTimeoutMs: 150 });
  const peer = await place.dial();
  const trickle = setInterval(() => peer.write('a'), 10);
  peer.write('POST / HTTP/1.1\r\nA: ');
  await until('the refusal', () => peer.text().includes('408 Request Timeout'));
  clearInterval(trickle);
  await until('the end', () => peer.closed);
});

test('a body that trickles in is cut off, and one that keeps coming is not', async () => {
  const place = await serve(echo, { stallTimeoutMs: 1_000 });
  const slow = await place.dial();
  const good = await place.dial();
  slow.write('POST / HTTP/1.1\r\nContent-Length: 10000\r\n\r\n');
  good.write('POST / HTTP/1.1\r\nContent-Length: 90000\r\n\r\n');
  let sent = 0;
  const trickle = setInterval(() => {
    slow.write('a');
    if (sent++ < 15) good.write('a'.repeat(6_000));
  }, 50);
  await until('the refusal', () => slow.text().includes('408 Request Timeout'));
  expect((await good.next()).body.length).toBe(90_005);
  clearInterval(trickle);
});

test('a connection with nothing open is closed when it is idle for too long, and one with a call is not', async () => {
  const place = await serve(() => {}, { idleTimeoutMs: 1_000 });
  const idle = await place.dial();
  const busy = await place.dial();
  idle.write('GET / HTTP/1.1\r\n\r\n');
  busy.write(call(1));
  await until('the end', () => idle.closed);
  expect(busy.closed).toBe(false);
});

test('more calls than the limit are refused in a way that says that they did not run', async () => {
  const waiting: Socket[] = [];
  const place = await serve((socket) => void waiting.push(socket), { maxInFlight: 2 });
  const peer = await place.dial();
  peer.write(call(1) + call(2) + call(3) + streamed(4) + streamed(4, 'late'));
  for (const id of ['3', '4']) {
    const { line, fields } = await peer.next();
    expect(line).toBe('HTTP/1.1 200 OK');
    expect(fields['Micro-Id']).toBe(id);
    expect(JSON.parse(fields['Micro-Error'] ?? '')).toEqual({
      id: 'micro.refused',
      code: 429,
      detail: '2 calls are open on this connection, which is the limit',
      status: 'Too Many Requests',
    });
  }
  for (const socket of waiting) await echo(socket);
  await peer.next();
  await peer.next();
  peer.write(call(5));
  await until('room again', () => waiting.length === 3);
});

test('more bytes in flight than the limit are refused, and taken again once there is room', async () => {
  const waiting: Socket[] = [];
  const place = await serve((socket) => void waiting.push(socket), { maxInFlightBytes: 1_000 });
  const peer = await place.dial();
  peer.write(call(1, 'a'.repeat(900)) + call(2, 'b'.repeat(200)));
  expect((await peer.next()).fields['Micro-Error']).toContain('"code":429');
  for (const socket of waiting) await echo(socket);
  await peer.next();
  peer.write(call(3, 'b'.repeat(200)));
  await until('room again', () => waiting.length === 2);
});

test('a stream whose handler takes nothing stops its client, and lets it go on when it does', async () => {
  let socket: Socket | undefined;
  const place = await serve((accepted) => {
    socket = accepted;
  });
  const peer = await place.dial();
  const body = 'a'.repeat(64 * 1024);
  const count = 400;
  for (let i = 0; i < count; i++) peer.write(streamed(1, body));
  await until('the stream', () => socket !== undefined);
  // 25 MiB were sent; what neither side's kernel holds stays with the client.
  let before = -1;
  await until('the client to stand still', () => {
    const same = peer.socket.writableLength === before;
    before = peer.socket.writableLength;
    return same;
  });
  expect(before).toBeGreaterThan(1024 * 1024);
  for (let i = 0; i < count; i++) expect((await (socket as Socket).receive())?.body.length).toBe(body.length);
  expect(peer.socket.writableLength).toBe(0);
});

test('a peer that does not read stops the sender of a stream, and is let go in the end', async () => {
  let sent = 0;
  let reason: Error | undefined;
  const place = await serve(
    async (socket) => {
      socket.onClose((given) => {
        reason = given;
      });
      for (; sent < 1_000; sent++) await socket.send(message('a'.repeat(64 * 1024)));
    },
    { stallTimeoutMs: 200 },
  );
  const peer = await place.dial();
  peer.socket.pause();
  peer.write(streamed(1));
  await until('to be let go', () => reason !== undefined, 15_000);
  expect(sent).toBeLessThan(1_000);
  expect(reason?.message).toContain('does not read');
});

test('a peer that asks and never reads is not read any more', async () => {
  let answered = 0;
  const place = await serve(async (socket) => {
    await socket.receive();
    answered++;
    await socket.end(message('a'.repeat(64 * 1024)));
  });
  const peer = await place.dial();
  peer.socket.pause();
  for (let i = 0; i < 5_000; i++) peer.write(call(i, 'x'.repeat(1_000)));
  let before = -1;
  await until('the answers to stop', () => {
    const same = answered > 0 && answered === before;
    before = answered;
    return same;
  });
  // 5 MiB of questions would have been answered with 320 MiB.
  expect(answered).toBeLessThan(2_000);
});

// Draining and closing -----------------------------------------------------------------------------------------------

test('a draining server refuses what is new, finishes what is open, and lets plain clients go', async () => {
  const waiting: Socket[] = [];
  const place = await serve((socket) => void waiting.push(socket));
  const peer = await place.dial();
  const curl = await place.dial();
  peer.write(call(1, 'open'));
  curl.write(goRequest({}, 'open'));
  await until('both', () => waiting.length === 2);
  for (const connection of place.connections) connection.drain();
  peer.write(call(2));
  const refused = await peer.next();
  expect(JSON.parse(refused.fields['Micro-Error'] ?? '')).toEqual({
    id: 'micro.refused',
    code: 503,
    detail: 'the server is draining',
    status: 'Service Unavailable',
  });
  for (const socket of waiting) await echo(socket);
  expect((await peer.next()).body).toBe('echo open');
  expect((await curl.next()).fields.Connection).toBe('close');
  await until('the end', () => curl.closed);
  expect(peer.closed).toBe(false);
});

test('closing a connection fails what is open on it, and what was answered still arrives', async () => {
  const reasons: Error[] = [];
  const place = await serve(async (socket) => {
    socket.onClose((reason) => reasons.push(reason));
    if (textOf(await socket.receive()) === 'large') await socket.end(message('a'.repeat(8 * 1024 * 1024)));
  });
  const peer: RawPeer = await place.dial();
  peer.write(call(1) + call(2, 'large'));
  await until('one answer', () => place.connections[0]?.open === 1 && peer.text().length > 0);
  place.connections[0]?.close();
  await until('the end', () => peer.closed);
  expect((await peer.next()).body.length).toBe(8 * 1024 * 1024);
  expect(reasons.map((reason) => (reason as MicroError).code)).toEqual([503]);
  await until('to be told', () => place.closed === 1);
});
