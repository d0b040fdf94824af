import { grpcTransport } from '@micro/transport-grpc';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { GoCall, GoClient, GoOutcome } from '../src/go-client.ts';
import { startGoClient } from '../src/go-client.ts';
import { eventually } from './eventually.ts';
import { startOurService } from './our-service.ts';

const binary = inject('goBinary');

const BEYOND = '9007199254740993';
const STREAM_TYPES = ['application/json', 'application/protobuf'];
const GRPC_TYPES = ['application/grpc', 'application/grpc+proto'];
const UNARY_TYPES = [...STREAM_TYPES, ...GRPC_TYPES, 'application/grpc+json'];

describe.skipIf(binary === '').each(['http', 'grpc'] as const)('a Go client and our server, over %s', (transport) => {
  let ours: Awaited<ReturnType<typeof startOurService>>;
  let client: GoClient;

  beforeAll(async () => {
    ours = await startOurService(transport === 'grpc' ? { transport: grpcTransport() } : {});
    client = await startGoClient({ binary, transport });
  });
  afterAll(async () => {
    await client.close();
    await ours.service.stop();
  });

  const call = (goCall: Omit<GoCall, 'address'>): Promise<GoOutcome> =>
    client.call({ ...goCall, address: ours.address });

  /** The replies of a call that must not fail. */
  async function repliesTo(goCall: Omit<GoCall, 'address'>): Promise<unknown[]> {
    const { replies, errors } = await call(goCall);
    expect(errors).toEqual([]);
    return replies.map(({ reply }) => reply);
  }

  async function errorOf(goCall: Omit<GoCall, 'address'>): Promise<object> {
    const { errors, replies } = await call(goCall);
    expect(replies).toEqual([]);
    return errors[0]?.error ?? {};
  }

  test.each(UNARY_TYPES)('a unary call in %s is answered', async (contentType) => {
    const body = { name: 'Jörg 世界 <&>' };
    const goCall = { endpoint: 'Helloworld.Call', contentType, body, count: 3 };
    expect(await repliesTo(goCall)).toEqual(Array(3).fill({ msg: 'Hello Jörg 世界 <&>' }));
  });

  test('raw bytes come back as they went', async () => {
    const body = Buffer.from([0, 1, 255, 10, 13]).toString('base64');
    const contentType = 'application/octet-stream';
    expect(await repliesTo({ endpoint: 'Raw.Echo', as: 'frame', contentType, body })).toEqual([body]);
  });

  test.each(STREAM_TYPES)('the legacy envelope in place of %s is understood', async (contentType) => {
    const goCall = { endpoint: 'Helloworld.Call', contentType, legacy: true, body: { name: 'Jo' }, count: 3 };
    expect(await repliesTo(goCall)).toEqual(Array(3).fill({ msg: 'Hello Jo' }));
  });

  test.each(STREAM_TYPES)('a server stream in %s arrives whole and in order, and ends', async (contentType) => {
    const outcome = await call({
      endpoint: 'Helloworld.ServerStream',
      kind: 'server',
      contentType,
      body: { count: 100 },
    });
    expect(outcome.errors).toEqual([]);
    expect(outcome.replies.map(({ reply }) => reply)).toEqual(
      Array.from({ length: 100 }, (_, i) => ({ count: `${i}` })),
    );
    expect(outcome.ended).toBe(1);
  });

  test.each(STREAM_TYPES)('a client stream in %s is answered once, and ends', async (contentType) => {
    const bodies = [{ stroke: 3 }, { stroke: BEYOND }, { stroke: 0 }, { stroke: -1 }];
    const outcome = await call({ endpoint: 'Helloworld.ClientStream', kind: 'client', contentType, bodies });
    expect(outcome.errors).toEqual([]);
    expect(outcome.replies.map(({ reply }) => reply)).toEqual([{ count: '9007199254740996' }]);
    expect(outcome.ended).toBe(1);
  });

  test.each(STREAM_TYPES)('a stream in both directions in %s keeps its turns and its digits', async (contentType) => {
    const before = ours.seen.finished;
    const strokes = ['1', '0', BEYOND, '-9223372036854775808', '-1'];
    const bodies = strokes.map((stroke) => ({ stroke }));
    expect(await repliesTo({ endpoint: 'Helloworld.BidiStream', kind: 'bidi', contentType, bodies })).toEqual(bodies);
    // The client closed the stream: the handler's loop ends and its finally block runs.
    await eventually(async () => (ours.seen.finished > before ? true : undefined));
  });

  test.each(STREAM_TYPES)('a stream in %s that fails says why', async (contentType) => {
    const goCall = { endpoint: 'Helloworld.ServerStream', kind: 'server', contentType, body: { count: -1 } } as const;
    expect(await errorOf(goCall)).toMatchObject({ id: 'helloworld', code: 400, detail: 'count -1 is below 0' });
  });

  test('a client that goes away in the middle of a stream ends its handler', async () => {
    const before = ours.seen.finished;
    await call({ endpoint: 'Helloworld.ServerStream', kind: 'server', body: { count: 1e9 }, cancelAfterMs: 300 });
    await eventually(async () => (ours.seen.finished > before ? true : undefined));
  });

  test('an error keeps its id, code, detail and status', async () => {
    const body = { code: 404, detail: 'größer als 100 % "x" <y>', id: 'users' };
    const { text: _, ...error } = (await errorOf({ endpoint: 'Plain.Fail', body })) as { text: string };
    expect(error).toEqual({ ...body, status: 'Not Found' });
  });

  test('an error that is not a MicroError is a 500 to a Go client', async () => {
    const error = await errorOf({ endpoint: 'Plain.Fail', body: { detail: 'boom' } });
    expect(error).toMatchObject({ code: 500, status: 'Internal Server Error' });
  });

  test.each([
    ['Nobody.Call', "rpc: can't find service Nobody"],
    ['Helloworld.Nope', "rpc: can't find method Nope"],
    ['Helloworld', 'rpc: service/endpoint request ill-formed: Helloworld'],
  ])('a call of %s says what is missing', async (endpoint, detail) => {
    const error = await errorOf({ endpoint, as: 'call' });
    expect(error).toMatchObject({ detail: expect.stringContaining(detail) });
  });

  test.each(UNARY_TYPES)('an error in %s reaches the client', async (contentType) => {
    const goCall = { endpoint: 'Helloworld.Nope', as: 'call', contentType } as const;
    expect(await errorOf(goCall)).toMatchObject({ detail: expect.stringContaining("can't find method Nope") });
  });

  test.each(STREAM_TYPES)('an error in the legacy envelope of %s reaches the client', async (contentType) => {
    const goCall = { endpoint: 'Helloworld.Nope', as: 'call', contentType, legacy: true } as const;
    expect(await errorOf(goCall)).toMatchObject({ detail: expect.stringContaining("can't find method Nope") });
  });

  test('a body that does not decode is a bad request', async () => {
    const goCall = { endpoint: 'Helloworld.Call', as: 'json', body: { name: 1 } } as const;
    expect(await errorOf(goCall)).toMatchObject({ code: 400 });
  });

  test('the deadline of a Go client reaches the handler, and passes there too', async () => {
    ours.seen.aborted = undefined;
    expect(await repliesTo({ endpoint: 'Plain.Deadline', timeoutMs: 20_000 })).toEqual([
      { leftMs: expect.toSatisfy((left: number) => left > 10_000 && left <= 20_000) },
    ]);
    const error = await errorOf({ endpoint: 'Plain.Sleep', body: { ms: 20_000 }, timeoutMs: 1_000 });
    expect(error).toMatchObject({ code: 408 });
    await eventually(async () => (ours.seen.aborted === undefined ? undefined : true));
  });

  test('a Go client that cancels aborts the handler', async () => {
    ours.seen.aborted = undefined;
    await call({ endpoint: 'Plain.Sleep', body: { ms: 20_000 }, timeoutMs: 10_000, cancelAfterMs: 1_000 });
    await eventually(async () => (ours.seen.aborted === undefined ? undefined : true));
  });

  test('metadata arrives in UTF-8 under canonical names', async () => {
    const metadata = { 'trace-id': 'a1', Name: 'Jörg 世界', fooBar: '1' };
    const [seen] = await repliesTo({ endpoint: 'Plain.Metadata', metadata });
    expect(seen).toMatchObject({ 'Trace-Id': 'a1', Name: 'Jörg 世界', Foobar: '1' });
  });

  test('bodies of several megabytes pass both ways', async () => {
    // gRPC's own limit is 4 MiB.
    const name = 'ü'.repeat(transport === 'grpc' ? 1_800_000 : 2_500_000);
    for (const contentType of STREAM_TYPES) {
      const goCall = { endpoint: 'Helloworld.Call', contentType, body: { name }, timeoutMs: 20_000 };
      const [reply] = (await repliesTo(goCall)) as { msg: string }[];
      expect(reply?.msg === `Hello ${name}`).toBe(true);
    }
  });

  test.each([...STREAM_TYPES, ...GRPC_TYPES])('an int64 in %s beyond 2^53 keeps its digits', async (contentType) => {
    const goCall = { endpoint: 'Plain.Int64Proto', contentType, body: { count: BEYOND } };
    expect(await repliesTo(goCall)).toEqual([{ count: BEYOND }]);
  });

  test('an int64 in grpc+json, which Go reads with encoding/json, is a bare number', async () => {
    const goCall = { endpoint: 'Plain.Int64Proto', contentType: 'application/grpc+json', body: { count: BEYOND } };
    expect(await repliesTo(goCall)).toEqual([{ count: BEYOND }]);
  });

  test('an int64 in json-rpc is a bare number', async () => {
    const goCall = { endpoint: 'Plain.Int64Proto', legacy: true, body: { count: BEYOND } };
    expect(await repliesTo(goCall)).toEqual([{ count: BEYOND }]);
  });

  test('a struct with bytes, maps, slices and durations comes back', async () => {
    const body = { name: 'Ann', age: 41, picture: '/wA=', tags: { a: '1' }, friends: [{ name: 'Bo' }], pause: 1.5e9 };
    expect(await repliesTo({ endpoint: 'Plain.Struct', body })).toEqual([{ ...body, age: 42 }]);
  });

  test.each(UNARY_TYPES)('a message in %s in which nothing is set passes both ways', async (contentType) => {
    expect(await repliesTo({ endpoint: 'Plain.Empty', contentType })).toEqual([{ msg: '' }]);
  });

  test('10,000 calls, 200 at a time, are each answered with their own reply', async () => {
    const body = { name: '$n' };
    const many = { count: 10_000, concurrency: 200, timeoutMs: 20_000 };
    const { replies, errors } = await call({ endpoint: 'Helloworld.Call', body, ...many });
    expect(errors).toEqual([]);
    expect(replies.filter(({ n, reply }) => (reply as { msg: string }).msg !== `Hello ${n}`)).toEqual([]);
    expect(new Set(replies.map(({ n }) => n)).size).toBe(10_000);
  }, 90_000);

  test('a slow call holds up no other', async () => {
    const slow = call({ endpoint: 'Plain.Sleep', body: { ms: 2_000, tag: 1 }, timeoutMs: 20_000 });
    let slowIsDone = false;
    void slow.then(() => {
      slowIsDone = true;
    });
    expect(await repliesTo({ endpoint: 'Plain.Sleep', body: { ms: 0, tag: 2 } })).toEqual([
      { tag: 2, cancelled: false },
    ]);
    expect(slowIsDone).toBe(false);
    expect((await slow).replies.map(({ reply }) => reply)).toEqual([{ tag: 1, cancelled: false }]);
  });
});
