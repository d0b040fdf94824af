import type { Client, Service, ServiceOptions } from '@micro/core';
import { createService, MicroError, memoryRegistry, silentLogger } from '@micro/core';
import { testCertificates } from '@micro/test-servers';
import { grpcClient, grpcDoor, grpcTransport } from '@micro/transport-grpc';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { type GrpcClient, type GrpcServer, startGrpcClient, startGrpcServer } from '../src/go-grpc.ts';
import { eventually } from './eventually.ts';
import { Helloworld } from './gen/helloworld_pb.ts';
import { cleanup } from './real-servers.ts';

const binary = inject('goBinary');

const BEYOND = '9007199254740993';
const STROKES = ['1', '0', BEYOND, '-9223372036854775808', '-2'].map((stroke) => ({ stroke }));

/** What our handlers saw. */
const seen = { aborted: 0, finished: 0 };

/** A service of ours that does what the grpc-go server of the interop program does, and fails with codes of micro. */
async function startOurs(options: Partial<ServiceOptions> = {}): Promise<{ service: Service; address: string }> {
  const service = createService({
    name: 'helloworld',
    registry: memoryRegistry(),
    logger: silentLogger(),
    handleSignals: false,
    transport: grpcTransport({ protocol: 'grpc' }),
    server: { address: '127.0.0.1:0', settleMs: 0, drainMs: 1_000 },
    ...options,
  });
  service.server.handle(Helloworld, {
    async call({ name }, ctx) {
      const [word, code, ...detail] = name.split(':');
      if (word === 'metadata') return { msg: JSON.stringify(Object.fromEntries(ctx.metadata)) };
      if (word === 'deadline') return { msg: String(ctx.deadline === undefined ? -1 : Math.round(ctx.timeLeft())) };
      if (word === 'boom') throw new Error('boom');
      if (word === 'fail') throw new MicroError({ id: 'helloworld', code: Number(code), detail: detail.join(':') });
      if (word === 'sleep') {
        await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve, { once: true }));
        seen.aborted++;
      }
      return { msg: `Hello ${name}` };
    },
    async clientStream(requests) {
      let count = 0n;
      for await (const { stroke } of requests) count += stroke;
      return { count };
    },
    async *serverStream({ count }) {
      if (count < 0n) throw new MicroError({ id: 'helloworld', code: 400, detail: `count ${count} is below 0` });
      try {
        for (let i = 0n; i < count; i++) yield { count: i };
      } finally {
        seen.finished++;
      }
    },
    async *bidiStream(requests) {
      for await (const { stroke } of requests) yield { stroke };
    },
  });
  await service.start();
  return { service, address: service.server.address ?? '' };
}

describe.skipIf(binary === '')('a grpc-go client and our server', () => {
  let ours: { service: Service; address: string };
  let client: GrpcClient;
  const { add, run } = cleanup();

  beforeAll(async () => {
    ours = await startOurs();
    client = await startGrpcClient({ binary, address: ours.address });
  });
  afterEach(run);
  afterAll(async () => {
    await client.close();
    await ours.service.stop();
  });

  const call = (name: string, more: object = {}) =>
    client.call({ endpoint: 'Helloworld.Call', bodies: [{ name }], ...more });

  test.each([false, true])('a unary call is answered, with gzip: %s', async (gzip) => {
    const name = 'Jörg 世界 <&> '.repeat(1_000);
    const { code, replies, header, trailer } = await call(name, { gzip });
    expect(code).toBe(0);
    expect(replies).toEqual([{ msg: `Hello ${name}` }]);
    // Nothing of micro's own wire belongs here.
    expect([...Object.keys(header), ...Object.keys(trailer)].filter((field) => field.startsWith('micro-'))).toEqual([]);
  });

  test('a server stream arrives whole and in order, and ends', async () => {
    const bodies = [{ count: 1_000 }];
    const { code, replies } = await client.call({ endpoint: 'Helloworld.ServerStream', bodies });
    expect(code).toBe(0);
    expect(replies).toEqual(Array.from({ length: 1_000 }, (_, i) => ({ count: `${i}` })));
  });

  test('a client stream is half-closed and answered', async () => {
    const bodies = [{ stroke: 3 }, { stroke: BEYOND }, { stroke: 0 }];
    const { code, replies } = await client.call({ endpoint: 'Helloworld.ClientStream', bodies });
    expect([code, replies]).toEqual([0, [{ count: '9007199254740996' }]]);
    const none = await client.call({ endpoint: 'Helloworld.ClientStream', bodies: [] });
    expect([none.code, none.replies]).toEqual([0, [{ count: '0' }]]);
  });

  test('a stream in both directions keeps its turns and its digits, and ends', async () => {
    const { code, replies } = await client.call({ endpoint: 'Helloworld.BidiStream', bodies: STROKES });
    expect([code, replies]).toEqual([0, STROKES]);
  });

  test.each([
    [400, 3, 'InvalidArgument'],
    [401, 16, 'Unauthenticated'],
    [403, 7, 'PermissionDenied'],
    [404, 5, 'NotFound'],
    [408, 4, 'DeadlineExceeded'],
    [409, 6, 'AlreadyExists'],
    [412, 9, 'FailedPrecondition'],
    [500, 13, 'Internal'],
    [501, 12, 'Unimplemented'],
    [503, 14, 'Unavailable'],
    [429, 8, 'ResourceExhausted'],
    [418, 2, 'Unknown'],
  ])(
    'an error %i is the status %i, %s, with the error itself as its message and first detail',
    async (code, status, name) => {
      const outcome = await call(`fail:${code}:größer als 100 %`);
      expect(outcome).toMatchObject({ code: status, name, replies: [] });
      const error = { id: 'helloworld', code, detail: 'größer als 100 %' };
      expect(JSON.parse(outcome.message)).toMatchObject(error);
      expect(outcome.details.map(({ type }) => type)).toEqual(['type.googleapis.com/errors.Error']);
      expect(outcome.details[0]?.value.toString()).toContain(error.detail);
    },
  );

  test('a stream that fails says why', async () => {
    const { name, message } = await client.call({ endpoint: 'Helloworld.ServerStream', bodies: [{ count: -1 }] });
    expect(name).toBe('InvalidArgument');
    expect(JSON.parse(message)).toMatchObject({ detail: 'count -1 is below 0' });
  });

  test('a handler that throws what is no error of ours is an internal one, and lives on', async () => {
    expect(await call('boom')).toMatchObject({ name: 'Internal' });
    expect(await call('Jo')).toMatchObject({ name: 'OK' });
  });

  test.each(['/helloworld.Helloworld/Nope', '/nobody.Here/Call', '/nonsense'])(
    'a call of %s, which is not there, is unimplemented',
    async (endpoint) => {
      expect(await client.call({ endpoint })).toMatchObject({ name: 'Unimplemented' });
    },
  );

  test('metadata arrive under canonical names, and nothing of the call itself', async () => {
    const metadata = { 'trace-id': 'a1', foobar: '1' };
    const { replies } = await call('metadata', { metadata });
    const got = JSON.parse((replies[0] as { readonly msg: string }).msg);
    expect(got).toMatchObject({ 'Trace-Id': 'a1', Foobar: '1' });
    const own = Object.keys(got).filter((name) => /^(:|grpc-|te$|content-type$)/i.test(name));
    expect(own.filter((name) => name !== 'Content-Type')).toEqual([]);
  });

  test('the deadline reaches the handler, and passes there too', async () => {
    const { replies } = await call('deadline', { timeoutMs: 20_000 });
    const left = Number((replies[0] as { readonly msg: string }).msg);
    expect(left).toBeGreaterThan(10_000);
    expect(left).toBeLessThanOrEqual(20_000);
    const before = seen.aborted;
    expect(await call('sleep', { timeoutMs: 1_000 })).toMatchObject({ name: 'DeadlineExceeded' });
    await eventually(async () => (seen.aborted > before ? true : undefined));
  });

  test('a client that cancels aborts the handler, of a unary call and of a stream', async () => {
    const { aborted, finished } = seen;
    expect(await call('sleep', { cancelAfterMs: 1_000 })).toMatchObject({ name: 'Canceled' });
    await eventually(async () => (seen.aborted > aborted ? true : undefined));
    const stream = { endpoint: 'Helloworld.ServerStream', bodies: [{ count: 1e9 }], cancelAfterMs: 300 };
    expect(await client.call(stream)).toMatchObject({ name: 'Canceled' });
    await eventually(async () => (seen.finished > finished ? true : undefined));
  });

  test('3.6 MB pass, and more than 4 MiB are refused with a status', async () => {
    const name = 'ü'.repeat(1_800_000);
    const { replies } = await call(name);
    expect((replies[0] as { readonly msg: string }).msg === `Hello ${name}`).toBe(true);
    expect(await call('ü'.repeat(2_500_000))).toMatchObject({ name: 'ResourceExhausted' });
    expect(await call('Jo')).toMatchObject({ name: 'OK' });
  });

  test('1,000 calls at a time are each answered with their own reply', async () => {
    const calls = Array.from({ length: 1_000 }, (_, n) => call(`${n}`, { timeoutMs: 20_000 }));
    const outcomes = await Promise.all(calls);
    expect(outcomes.flatMap(({ replies }) => replies)).toEqual(outcomes.map((_, n) => ({ msg: `Hello ${n}` })));
  }, 60_000);

  test('health is told, of all and of each service', async () => {
    expect(await client.health('')).toBe('SERVING');
    expect(await client.health('helloworld.Helloworld')).toBe('SERVING');
    await expect(client.health('nobody')).rejects.toThrow(/NotFound/);
  });

  test('reflection lists what is served, and describes it as grpc-go does', async () => {
    expect(await client.services()).toContain('helloworld.Helloworld');
    const server = await startGrpcServer({ binary });
    add(() => server.close());
    const other = await startGrpcClient({ binary, address: server.address });
    add(() => other.close());
    const described = await client.describe('helloworld.Helloworld');
    expect(described).toEqual(await other.describe('helloworld.Helloworld'));
    expect(described).toHaveLength(4);
    await expect(client.describe('nobody.Here')).rejects.toThrow(/reflection: 5/);
  });

  test('a server that stops says to health that it does not serve, finishes what runs, and takes nothing new', async () => {
    const stopping = await startOurs();
    add(() => stopping.service.stop());
    const other = await startGrpcClient({ binary, address: stopping.address });
    add(() => other.close());
    const bodies = Array.from({ length: 3 }, () => ({ stroke: 1 }));
    expect(await other.call({ endpoint: 'Helloworld.BidiStream', bodies })).toMatchObject({ code: 0 });
    await stopping.service.stop();
    expect(await other.call({ endpoint: 'Helloworld.Call', bodies: [{}], timeoutMs: 5_000 })).toMatchObject({
      name: 'Unavailable',
    });
  });

  test('over TLS a client that trusts the authority is answered, and one without TLS is not', async () => {
    const { certFile, keyFile, caFile } = testCertificates();
    const secure = await startOurs({ transport: grpcTransport({ protocol: 'grpc', tls: { certFile, keyFile } }) });
    add(() => secure.service.stop());
    const trusting = await startGrpcClient({ binary, address: secure.address, ca: caFile });
    add(() => trusting.close());
    const hello = { endpoint: 'Helloworld.Call', bodies: [{ name: 'Jo' }], timeoutMs: 5_000 };
    expect(await trusting.call(hello)).toMatchObject({ code: 0, replies: [{ msg: 'Hello Jo' }] });
    const plain = await startGrpcClient({ binary, address: secure.address });
    add(() => plain.close());
    expect((await plain.call(hello)).code).not.toBe(0);
  });

  test('a door beside the usual transport answers gRPC with the same handlers', async () => {
    const { httpTransport } = await import('@micro/core');
    const door = grpcDoor(httpTransport(), { address: '127.0.0.1:0' });
    const both = await startOurs({ transport: door });
    add(() => both.service.stop());
    expect(door.grpcAddress).not.toBe(both.address);
    const beside = await startGrpcClient({ binary, address: door.grpcAddress ?? '' });
    add(() => beside.close());
    const outcome = await beside.call({ endpoint: 'Helloworld.Call', bodies: [{ name: 'Jo' }] });
    expect(outcome).toMatchObject({ code: 0, replies: [{ msg: 'Hello Jo' }] });
  });
});

describe.skipIf(binary === '')('our client and a grpc-go server', () => {
  let server: GrpcServer;
  let client: Client;
  const { add, run } = cleanup();

  beforeAll(async () => {
    server = await startGrpcServer({ binary });
    client = grpcClient({ address: server.address });
  });
  afterEach(run);
  afterAll(async () => {
    await client.close();
    await server.close();
  });

  const hello = () => client.of(Helloworld, 'helloworld');

  async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
    const all: T[] = [];
    for await (const message of messages) all.push(message);
    return all;
  }

  test('a unary call is answered', async () => {
    expect(await hello().call({ name: 'Jörg 世界 <&>' })).toMatchObject({ msg: 'Hello Jörg 世界 <&>' });
  });

  test('a server stream arrives whole and in order, and ends', async () => {
    const counts = await collect(hello().serverStream({ count: 1_000n }));
    expect(counts.map(({ count }) => count)).toEqual(Array.from({ length: 1_000 }, (_, i) => BigInt(i)));
  });

  test('a client stream is half-closed and answered', async () => {
    const strokes = [{ stroke: 3n }, { stroke: BigInt(BEYOND) }];
    expect(await hello().clientStream(strokes)).toMatchObject({ count: BigInt(BEYOND) + 3n });
    expect(await hello().clientStream([])).toMatchObject({ count: 0n });
  });

  test('a stream in both directions keeps its turns, and ends when both have said all', async () => {
    const strokes = STROKES.map(({ stroke }) => ({ stroke: BigInt(stroke) }));
    const answers = await collect(hello().bidiStream(strokes));
    expect(answers.map(({ stroke }) => stroke)).toEqual(strokes.map(({ stroke }) => stroke));
  });

  test('leaving a stream in the middle leaves the client in working order', async () => {
    for await (const { count } of hello().serverStream({ count: 1_000_000n })) if (count === 2n) break;
    expect(await hello().call({ name: 'Jo' })).toMatchObject({ msg: 'Hello Jo' });
  });

  test.each([
    [1, 499],
    [2, 500],
    [3, 400],
    [4, 408],
    [5, 404],
    [6, 409],
    [7, 403],
    [9, 412],
    [12, 501],
    [13, 500],
    [14, 503],
    [16, 401],
  ])('the status %i is an error %i with its message', async (status, code) => {
    const failed = hello().call({ name: `fail:${status}:größer als 100 %` }, { retries: 0 });
    await expect(failed).rejects.toMatchObject({ code, detail: expect.stringContaining('größer als 100 %') });
  });

  test('a stream that fails throws what the handler returned', async () => {
    const failed = collect(hello().serverStream({ count: -1n }));
    await expect(failed).rejects.toMatchObject({ code: 400, detail: 'count -1 is below 0' });
  });

  test('a method that is not there is not implemented', async () => {
    const request = { service: 'helloworld', endpoint: '/helloworld.Helloworld/Nope', body: new Uint8Array() };
    const nope = client.call(request, { contentType: 'application/octet-stream' });
    await expect(nope).rejects.toMatchObject({ code: 501 });
  });

  test('metadata arrive in lower case, with none of the names of our own wire', async () => {
    const metadata = { 'trace-id': 'a1', Foobar: '1' };
    const { msg } = await hello().call({ name: 'metadata' }, { metadata });
    const got = JSON.parse(msg);
    expect(got).toMatchObject({ 'trace-id': ['a1'], foobar: ['1'] });
    expect(Object.keys(got).filter((name) => name.startsWith('micro-') || name === 'connection')).toEqual([]);
  });

  test('the deadline reaches the handler, and passes here too', async () => {
    const left = Number((await hello().call({ name: 'deadline' }, { timeoutMs: 20_000 })).msg);
    expect(left).toBeGreaterThan(10_000);
    expect(left).toBeLessThanOrEqual(20_000);
    await expect(hello().call({ name: 'sleep' }, { timeoutMs: 200 })).rejects.toMatchObject({ code: 408 });
  });

  test('a cancelled call rejects at once', async () => {
    const signal = AbortSignal.timeout(100);
    const cancelled = hello().call({ name: 'sleep' }, { signal, timeoutMs: 10_000 });
    await expect(cancelled).rejects.toMatchObject({ code: 499 });
  });

  test('3.6 MB pass, and more than 4 MiB are refused by both', async () => {
    const name = 'ü'.repeat(1_800_000);
    const { msg } = await hello().call({ name });
    expect(msg === `Hello ${name}`).toBe(true);
    await expect(hello().call({ name: 'ü'.repeat(2_500_000) })).rejects.toMatchObject({ code: 413 });
    const generous = grpcClient({ address: server.address, maxMessageBytes: 0 });
    add(() => generous.close());
    const refused = generous.of(Helloworld, 'helloworld').call({ name: 'ü'.repeat(2_500_000) });
    await expect(refused).rejects.toMatchObject({ code: 413 });
  });

  test('1,000 calls at a time are each answered with their own reply', async () => {
    const names = Array.from({ length: 1_000 }, (_, n) => `${n}`);
    const answers = await Promise.all(names.map((name) => hello().call({ name }, { timeoutMs: 20_000 })));
    expect(answers.map(({ msg }) => msg)).toEqual(names.map((name) => `Hello ${name}`));
  }, 60_000);

  test('a server that was killed is unavailable, and answers again when it is back', async () => {
    const mortal = await startGrpcServer({ binary });
    const caller = grpcClient({ address: mortal.address });
    add(() => caller.close());
    const call = () => caller.of(Helloworld, 'helloworld').call({ name: 'Jo' }, { timeoutMs: 2_000 });
    expect(await call()).toMatchObject({ msg: 'Hello Jo' });
    await mortal.kill();
    await expect(call()).rejects.toMatchObject({ code: 503 });
    const again = await startGrpcServer({ binary, address: mortal.address });
    add(() => again.close());
    expect(await eventually(() => call().catch(() => undefined))).toMatchObject({ msg: 'Hello Jo' });
  });

  test('over TLS a server whose authority is trusted is called, and another one is not', async () => {
    const { certFile, keyFile, caFile } = testCertificates();
    const secure = await startGrpcServer({ binary, cert: certFile, key: keyFile });
    add(() => secure.close());
    const trusting = grpcClient({ address: secure.address, tls: { caFile } });
    add(() => trusting.close());
    expect(await trusting.of(Helloworld, 'helloworld').call({ name: 'Jo' })).toMatchObject({ msg: 'Hello Jo' });
    const wary = grpcClient({ address: `https://${secure.address}` });
    add(() => wary.close());
    await expect(wary.of(Helloworld, 'helloworld').call({ name: 'Jo' })).rejects.toMatchObject({ code: 503 });
  });
});
