import type { CallOptions, Service } from '@micro/core';
import { grpcTransport } from '@micro/transport-grpc';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { GoServer } from '../src/go-server.ts';
import { startGoServer } from '../src/go-server.ts';
import { Helloworld } from './gen/helloworld_pb.ts';
import { ourCaller } from './our-service.ts';
import { Plain } from './plain.ts';

const binary = inject('goBinary');

const BEYOND = 9007199254740993n;
const STREAM_TYPES = ['application/json', 'application/protobuf'];
const GRPC_TYPES = ['application/grpc', 'application/grpc+proto'];
const UNARY_TYPES = [...STREAM_TYPES, ...GRPC_TYPES, 'application/grpc+json'];

describe.skipIf(binary === '').each(['http', 'grpc'] as const)('our client and a Go server, over %s', (transport) => {
  let server: GoServer;
  let ours: Service;
  let legacy: Service;

  beforeAll(async () => {
    server = await startGoServer({ binary, transport });
    const options = () => (transport === 'grpc' ? { transport: grpcTransport() } : {});
    ours = ourCaller(server.address, { protocol: 'mucp', transport }, options());
    legacy = ourCaller(server.address, { transport }, options());
  });
  afterAll(async () => {
    await ours.stop();
    await legacy.stop();
    await server.close();
  });

  const hello = (from = ours) => from.client.of(Helloworld, 'helloworld');
  const plain = (method: string, body: unknown, options: CallOptions = {}): Promise<unknown> =>
    ours.client.call({ service: 'helloworld', endpoint: `Plain.${method}`, body }, options);

  async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
    const all: T[] = [];
    for await (const message of messages) all.push(message);
    return all;
  }

  const field = (name: string, value: unknown) => expect.objectContaining({ [name]: value });

  test.each(UNARY_TYPES)('a unary call in %s is answered', async (contentType) => {
    for (let i = 0; i < 3; i++) {
      expect(await hello().call({ name: 'Jörg 世界 <&>' }, { contentType })).toMatchObject({
        msg: 'Hello Jörg 世界 <&>',
      });
    }
  });

  test('raw bytes come back as they went', async () => {
    const body = new Uint8Array([0, 1, 255, 10, 13]);
    const options = { contentType: 'application/octet-stream' };
    expect(await ours.client.call({ service: 'helloworld', endpoint: 'Raw.Echo', body }, options)).toEqual(body);
  });

  test.each(STREAM_TYPES)(
    'the legacy envelope in place of %s is spoken where the node knows no other',
    async (contentType) => {
      for (let i = 0; i < 3; i++) {
        expect(await hello(legacy).call({ name: 'Jo' }, { contentType })).toMatchObject({ msg: 'Hello Jo' });
      }
      const nope = legacy.client.call({
        service: 'helloworld',
        endpoint: 'Plain.Fail',
        body: { code: 404, detail: 'no' },
      });
      await expect(nope).rejects.toMatchObject({ code: 404, detail: 'no' });
    },
  );

  test.each(STREAM_TYPES)('a server stream in %s arrives whole and in order, and ends', async (contentType) => {
    const counts = await collect(hello().serverStream({ count: 50n }, { contentType }));
    expect(counts.map(({ count }) => count)).toEqual(Array.from({ length: 50 }, (_, i) => BigInt(i)));
  });

  test.each(STREAM_TYPES)('a client stream in %s is half-closed and answered', async (contentType) => {
    const strokes = [{ stroke: 3n }, { stroke: BEYOND }, { stroke: 0n }];
    expect(await hello().clientStream(strokes, { contentType })).toEqual(field('count', BEYOND + 3n));
  });

  const STROKES = [1n, 0n, BEYOND, -9223372036854775808n, -2n];

  test.each(STREAM_TYPES)('a stream in both directions in %s keeps its order and its digits', async (contentType) => {
    const received: bigint[] = [];
    const requests = STROKES.map((stroke) => ({ stroke }));
    for await (const { stroke } of hello().bidiStream(requests, { contentType, timeoutMs: 5_000 })) {
      received.push(stroke);
      if (received.length === STROKES.length) break;
    }
    expect(received).toEqual(STROKES);
  });

  test('two sides of a stream that wait for each other in turn do not hang', async () => {
    const answers = ours.client.stream(
      { service: 'helloworld', endpoint: 'Helloworld.BidiStream' },
      { timeoutMs: 5_000 },
    );
    const iterator = answers[Symbol.asyncIterator]();
    for (let stroke = 1; stroke <= 20; stroke++) {
      await answers.send({ stroke });
      expect((await iterator.next()).value).toEqual({ stroke });
    }
    answers.close();
  });

  // A Go server that has seen the end of the requests says nothing when its handler ends, so our transport asks.
  test('a stream in both directions ends when both sides have said all', async () => {
    const requests = STROKES.map((stroke) => ({ stroke }));
    const answers = await collect(hello().bidiStream(requests, { timeoutMs: 10_000 }));
    expect(answers.map(({ stroke }) => stroke)).toEqual(STROKES);
  });

  test.each(STREAM_TYPES)('a stream in %s that fails throws what the handler returned', async (contentType) => {
    const counts = collect(hello().serverStream({ count: -1n }, { contentType }));
    await expect(counts).rejects.toMatchObject({ id: 'helloworld', code: 400, detail: 'count -1 is below 0' });
  });

  test('leaving a stream in the middle leaves the client in working order', async () => {
    for await (const { count } of hello().serverStream({ count: 1_000_000n })) if (count === 2n) break;
    expect(await hello().call({ name: 'Jo' })).toMatchObject({ msg: 'Hello Jo' });
  });

  test('an error keeps its id, code, detail and status', async () => {
    const error = { id: 'users', code: 409, detail: 'größer als 100 % "x" <y>' };
    await expect(plain('Fail', error)).rejects.toMatchObject({ ...error, status: 'Conflict' });
  });

  test('an error that is not a go-micro error has code 0 and its text', async () => {
    await expect(plain('Fail', { detail: 'boom' })).rejects.toMatchObject({ code: 0, detail: 'boom' });
  });

  test.each([
    ['Nobody.Call', "rpc: can't find service Nobody"],
    ['Helloworld.Nope', "rpc: can't find method Nope"],
  ])('a call of %s says what is missing', async (endpoint, detail) => {
    await expect(ours.client.call({ service: 'helloworld', endpoint, body: {} })).rejects.toMatchObject({ detail });
  });

  test('an error is followed by calls that succeed', async () => {
    for (let i = 0; i < 5; i++) {
      await expect(plain('Fail', { code: 500, detail: 'boom' })).rejects.toMatchObject({ code: 500 });
      expect(await plain('Echo', { i })).toEqual({ i });
    }
  });

  test('a handler that panics, which Go answers with nothing, is a timeout', async () => {
    await expect(plain('Panic', {}, { timeoutMs: 200 })).rejects.toMatchObject({ code: 408 });
  });

  test('the deadline reaches the handler, and passes here too', async () => {
    const { leftMs } = (await plain('Deadline', {}, { timeoutMs: 20_000 })) as { leftMs: number };
    expect(leftMs).toBeGreaterThan(10_000);
    expect(leftMs).toBeLessThanOrEqual(20_000);
    const started = performance.now();
    // Not Sleep, which answers when the deadline passes there: which of the two is first would be a matter of luck.
    await expect(plain('Who', { ms: 5_000 }, { timeoutMs: 200 })).rejects.toMatchObject({ code: 408 });
    expect(performance.now() - started).toBeLessThan(4_000);
    // What was given up must not be taken for the answer of a later call.
    expect(await plain('Sleep', { ms: 0, tag: 7 })).toEqual({ tag: 7, cancelled: false });
  });

  test('a cancelled call rejects at once', async () => {
    const signal = AbortSignal.timeout(100);
    await expect(plain('Sleep', { ms: 20_000 }, { signal, timeoutMs: 10_000 })).rejects.toMatchObject({ code: 499 });
  });

  test('metadata arrives in UTF-8 under canonical names', async () => {
    const metadata = { 'trace-id': 'a1', name: 'Jörg 世界', fooBar: '1' };
    const expected = { 'Trace-Id': 'a1', Name: 'Jörg 世界', Foobar: '1' };
    expect(await plain('Metadata', {}, { metadata })).toMatchObject(expected);
    // The connection is used again: nothing of the first call may cling to the second.
    expect(await plain('Metadata', {}, {})).not.toHaveProperty('Trace-Id');
  });

  test('bodies of several megabytes pass both ways', async () => {
    // gRPC's own limit is 4 MiB.
    const size = transport === 'grpc' ? 3_600_000 : 5_000_000;
    const name = 'ü'.repeat(size / 2);
    for (const contentType of STREAM_TYPES) {
      const { msg } = await hello().call({ name }, { contentType, timeoutMs: 20_000 });
      expect(msg === `Hello ${name}`).toBe(true);
    }
    const { data } = (await plain('Big', { size }, { timeoutMs: 20_000 })) as { data: string };
    expect(data.length).toBe(size);
  });

  test.each([...STREAM_TYPES, ...GRPC_TYPES])('an int64 in %s beyond 2^53 keeps its digits', async (contentType) => {
    const { int64Proto } = ours.client.of(Plain, 'helloworld');
    expect(await int64Proto({ count: BEYOND }, { contentType })).toEqual(field('count', BEYOND));
  });

  test('an int64 in grpc+json, which Go reads with encoding/json, is a bare number', async () => {
    const { int64Proto } = ours.client.of(Plain, 'helloworld');
    const contentType = 'application/grpc+json';
    expect(await int64Proto({ count: BEYOND }, { contentType })).toEqual(field('count', BEYOND));
  });

  test('an int64 in json-rpc is a bare number', async () => {
    const { int64Proto } = legacy.client.of(Plain, 'helloworld');
    expect(await int64Proto({ count: BEYOND })).toEqual(field('count', BEYOND));
  });

  test('a struct with bytes, maps, slices and durations comes back', async () => {
    const person = { name: 'Ann', age: 41, picture: '/wA=', tags: { a: '1' }, friends: [{ name: 'Bo' }], pause: 1.5e9 };
    expect(await plain('Struct', person)).toEqual({ ...person, age: 42 });
  });

  test.each(UNARY_TYPES)('a message in %s in which nothing is set passes both ways', async (contentType) => {
    const { empty } = ours.client.of(Plain, 'helloworld');
    expect(await empty({}, { contentType })).toEqual(field('msg', ''));
  });

  test('10,000 calls, 200 at a time, are each answered with their own reply', async () => {
    let next = 0;
    const wrong: unknown[] = [];
    const worker = async (): Promise<void> => {
      while (next < 10_000) {
        const n = next++;
        const { msg } = await hello().call({ name: `${n}` }, { timeoutMs: 20_000 });
        if (msg !== `Hello ${n}`) wrong.push([n, msg]);
      }
    };
    await Promise.all(Array.from({ length: 200 }, worker));
    expect(wrong).toEqual([]);
    expect(next).toBe(10_000);
  }, 90_000);

  test('handlers that answer out of order are each taken for their own call', async () => {
    const tags = Array.from({ length: 50 }, (_, tag) => tag);
    const order: number[] = [];
    const answers = await Promise.all(
      tags.map(async (tag) => {
        const answer = await plain('Sleep', { ms: (50 - tag) * 10, tag });
        order.push(tag);
        return answer;
      }),
    );
    expect(answers).toEqual(tags.map((tag) => ({ tag, cancelled: false })));
    expect(order).not.toEqual(tags);
  });
});
