import { once } from 'node:events';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { MicroError } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorOf } from '../src/grpc-status.ts';
import { Greeter } from './gen/greeter_pb.js';
import { callUnary, greeter, openStream } from './world.ts';

const { service, seen } = greeter({ grpc: { maxMessageBytes: 100_000 } });
let client: Client;

beforeAll(async () => {
  await service.start();
  client = new Client(service.server.address ?? '', credentials.createInsecure());
});
afterAll(async () => {
  client.close();
  await service.stop();
});

async function failure(promise: Promise<unknown>): Promise<ServiceError> {
  return promise.then(
    () => expect.unreachable('the call succeeded'),
    (error: ServiceError) => error,
  );
}

describe('a gRPC client that knows nothing of micro', () => {
  test('calls a unary method by its .proto', async () => {
    expect((await callUnary(client, Greeter.method.hello, { name: 'Ann' })).msg).toBe('Hello Ann');
  });

  test.each(['/greeter.Greeter/Hello', '/Greeter/Hello'])("calls it by go-micro's path %s", async (path) => {
    expect((await callUnary(client, Greeter.method.hello, { name: 'Ann' }, { path })).msg).toBe('Hello Ann');
  });

  test('sends a stream and gets one answer', async () => {
    const call = openStream(client, Greeter.method.sum);
    for (const stroke of [1n, 2n, 3n]) call.write({ stroke });
    call.end();
    const [reply] = await once(call, 'data');
    expect(reply.count).toBe(6n);
  });

  test('sends one message and gets a stream', async () => {
    const call = openStream(client, Greeter.method.ticks);
    call.write({ count: 50n });
    call.end();
    let count = 0n;
    for await (const { stroke } of call) expect(stroke).toBe(count++);
    expect(count).toBe(50n);
  });

  test('streams both ways at once, and is told of an error in the middle', async () => {
    const call = openStream(client, Greeter.method.echo);
    for (const stroke of [1n, 2n]) {
      call.write({ stroke });
      const [{ stroke: echoed }] = await once(call, 'data');
      expect(echoed).toBe(stroke);
    }
    call.write({ stroke: 13n });
    const [error] = await once(call, 'error');
    expect(error).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(error.details).toContain('thirteen brings bad luck');
  });

  test("gets an error with gRPC's code, go-micro's JSON as its message and the error itself as first detail", async () => {
    const error = await failure(callUnary(client, Greeter.method.hello, { name: 'nobody' }));
    expect(error.code).toBe(status.NOT_FOUND);
    expect(JSON.parse(error.details)).toEqual({
      id: 'greeter',
      code: 404,
      detail: 'nobody is not here',
      status: 'Not Found',
    });
    expect(errorOf({ ...error, details: 'not read' })).toMatchObject({ id: 'greeter', code: 404 });
  });

  test('gets INTERNAL for a handler that throws something else', async () => {
    expect((await failure(callUnary(client, Greeter.method.hello, { name: 'broken' }))).code).toBe(status.INTERNAL);
  });

  test('gets UNIMPLEMENTED for a method that nobody serves', async () => {
    const error = await failure(callUnary(client, Greeter.method.hello, {}, { path: '/greet.v1.Greeter/Bye' }));
    expect(error.code).toBe(status.UNIMPLEMENTED);
  });

  test('gets INVALID_ARGUMENT for bytes that are no message', async () => {
    const error = await new Promise<ServiceError | null>((resolve) => {
      const raw = (bytes: Buffer): Buffer => bytes;
      client.makeUnaryRequest('/greet.v1.Greeter/Hello', raw, raw, Buffer.from([0x0a, 0x7f]), resolve);
    });
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
  });

  test('gets RESOURCE_EXHAUSTED for a message over the limit, and others go on', async () => {
    const large = failure(callUnary(client, Greeter.method.hello, { name: 'x'.repeat(120_000) }));
    const huge = failure(callUnary(client, Greeter.method.hello, { name: 'x'.repeat(1_000_000) }));
    expect((await callUnary(client, Greeter.method.hello, { name: 'Ann' })).msg).toBe('Hello Ann');
    expect((await large).code).toBe(status.RESOURCE_EXHAUSTED);
    expect((await huge).code).toBe(status.RESOURCE_EXHAUSTED);
  });
});

test('an answer over the limit is RESOURCE_EXHAUSTED too', async () => {
  const error = await failure(callUnary(client, Greeter.method.hello, { name: 'large' }));
  expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
});

describe('what a call says beside its message', () => {
  test('arrives as metadata, several values joined and bytes as base64, without what belongs to the hop', async () => {
    const metadata = new Metadata();
    metadata.add('trace-id', 'abc');
    metadata.add('tag', 'one');
    metadata.add('tag', 'two');
    metadata.set('key-bin', Buffer.from([0, 255]));
    metadata.set('authorization', 'Bearer token');
    metadata.set('micro-endpoint', 'Debug.Health');
    await callUnary(client, Greeter.method.hello, { name: 'Ann' }, { metadata });
    const ctx = seen.contexts.at(-1);
    expect(Object.fromEntries(ctx?.metadata ?? [])).toEqual({
      'Trace-Id': 'abc',
      Tag: 'one, two',
      'Key-Bin': Buffer.from([0, 255]).toString('base64'),
      Authorization: 'Bearer token',
    });
    expect(ctx?.endpoint).toBe('Greeter.Hello');
    expect(ctx?.peer?.address).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test("bounds the handler's time, and its end cancels the handler", async () => {
    // Long enough for the call to get there on a busy machine.
    const error = await failure(
      callUnary(client, Greeter.method.hello, { name: 'slow' }, { deadline: Date.now() + 2_000 }),
    );
    expect(error.code).toBe(status.DEADLINE_EXCEEDED);
    const left = (seen.contexts.at(-1)?.deadline ?? 0) - Date.now();
    expect(left).toBeLessThan(2_000);
    await eventually(() => expect(seen.ended).toContain('slow'));
  });

  test("may bound it in go-micro's words", async () => {
    const metadata = new Metadata();
    metadata.set('timeout', '250000000');
    // The handler answers as soon as its signal aborts.
    await callUnary(client, Greeter.method.hello, { name: 'slow' }, { metadata, deadline: Date.now() + 20_000 });
    const ctx = seen.contexts.at(-1);
    expect((ctx?.deadline ?? 0) - Date.now()).toBeLessThan(250);
  });
});

test('a client that cancels a stream ends its handler, whose finally blocks run', async () => {
  seen.ended.length = 0;
  const call = openStream(client, Greeter.method.ticks);
  call.on('error', () => {});
  call.write({ count: 1_000_000n });
  call.end();
  await once(call, 'data');
  call.cancel();
  await eventually(() => expect(seen.ended).toContain('ticks'));
});

test('a handler that streams to a client which reads nothing waits', async () => {
  seen.strokes = 0;
  const call = openStream(client, Greeter.method.ticks);
  call.write({ count: 20_000n });
  call.end();
  await once(call, 'readable');
  let before = -1;
  await eventually(
    () => {
      const same = seen.strokes === before;
      before = seen.strokes;
      expect(same).toBe(true);
    },
    { everyMs: 100 },
  );
  expect(seen.strokes).toBeLessThan(20_000);
  let count = 0;
  for await (const _ of call) count += 1;
  expect(count).toBe(20_000);
});

test('a status without a detail of ours is the nearest error', () => {
  const of = (code: number, details = 'why'): MicroError => errorOf({ code, details });
  expect(of(status.UNKNOWN).code).toBe(500);
  expect(of(status.CANCELLED).code).toBe(499);
  expect(of(status.RESOURCE_EXHAUSTED, 'quota').code).toBe(429);
  expect(of(status.RESOURCE_EXHAUSTED, 'Received message larger than max (5 vs 4)').code).toBe(413);
  expect(of(status.UNAUTHENTICATED).code).toBe(401);
  expect(of(77)).toMatchObject({ code: 500, detail: 'why' });
  expect(of(status.ABORTED, '{"id":"a","code":418,"detail":"d"}')).toMatchObject({ id: 'a', code: 418, detail: 'd' });
});
