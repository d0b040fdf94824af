import { type Client, createService, MicroError, memoryRegistry, silentLogger } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { grpcClient, grpcTransport } from '../src/index.ts';
import { Greeter } from './gen/greeter_pb.js';
import { type PlainServer, plainServer } from './plain-server.ts';
import { caller, greeter } from './world.ts';

async function failure(run: () => unknown): Promise<MicroError> {
  try {
    await run();
  } catch (error) {
    expect(error).toBeInstanceOf(MicroError);
    return error as MicroError;
  }
  return expect.unreachable('it succeeded');
}

describe('a micro client that calls a gRPC server which knows nothing of micro', () => {
  let server: PlainServer;
  let client: Client;
  beforeAll(async () => {
    server = await plainServer();
    client = grpcClient({ address: `http://${server.address}`, maxMessageBytes: 100_000 });
  });
  afterAll(async () => {
    await client.close();
    server.close();
  });
  const hello = () => client.of(Greeter, 'greeter');

  test('calls all four kinds', async () => {
    expect((await hello().hello({ name: 'Ann' })).msg).toBe('Plain Ann');
    expect((await hello().sum([{ stroke: 1n }, { stroke: 2n }])).count).toBe(3n);
    const ticks: bigint[] = [];
    for await (const { stroke } of hello().ticks({ count: 5n })) ticks.push(stroke);
    expect(ticks).toEqual([0n, 1n, 2n, 3n, 4n]);
    const echoed: bigint[] = [];
    for await (const { stroke } of hello().echo([{ stroke: 7n }, { stroke: 8n }])) echoed.push(stroke);
    expect(echoed).toEqual([7n, 8n]);
  });

  test('streams both ways at once, and gets the error in the middle', async () => {
    const sent: bigint[] = [];
    async function* strokes() {
      for (const stroke of [1n, 2n, 13n, 4n]) {
        sent.push(stroke);
        yield { stroke };
      }
    }
    const got: bigint[] = [];
    const error = await failure(async () => {
      for await (const { stroke } of hello().echo(strokes())) got.push(stroke);
    });
    expect(error).toMatchObject({ code: 409, detail: 'thirteen brings bad luck' });
    expect(got.length).toBeLessThanOrEqual(2);
  });

  test('sends metadata and the deadline, and nothing of micro that another server would trip over', async () => {
    const before = Date.now();
    await hello().hello(
      { name: 'Ann' },
      { timeoutMs: 2_000, metadata: { 'Trace-Id': 'abc', 'Key-Bin': Buffer.from([0, 255]).toString('base64') } },
    );
    const metadata = server.metadata.at(-1)?.toJSON() ?? {};
    expect(metadata['trace-id']).toEqual(['abc']);
    expect(metadata['key-bin']).toEqual([Buffer.from([0, 255])]);
    expect(metadata.timeout).toEqual(['2000000000']);
    expect(metadata['x-content-type']).toEqual(['application/grpc+proto']);
    expect(Object.keys(metadata).filter((name) => /^micro-|^accept$|^connection$/.test(name))).toEqual([]);
    expect(server.deadlines.at(-1)).toBeGreaterThan(before);
    expect(server.deadlines.at(-1)).toBeLessThan(before + 4_000);
  });

  test('gets its status as the nearest error, a foreign detail and all', async () => {
    const error = await failure(() => hello().hello({ name: 'nobody' }));
    expect(error).toMatchObject({ id: 'go.micro.client', code: 404, detail: 'nobody is not here', unexecuted: false });
    expect(error.cause).toMatchObject({ code: 5 });
  });

  test('calls a method that it has no descriptor of with bytes, and gets 501 when it is not there', async () => {
    const error = await failure(() =>
      client.call(
        { service: 'greet.v1', endpoint: 'Greeter.Bye', body: new Uint8Array() },
        { contentType: 'application/octet-stream' },
      ),
    );
    expect(error.code).toBe(501);
  });

  test('gets 408 at its deadline, and the server learns of it', async () => {
    server.cancelled = 0;
    // Long enough for the call to get there on a busy machine.
    const error = await failure(() => hello().hello({ name: 'slow' }, { timeoutMs: 1_500 }));
    expect(error.code).toBe(408);
    await eventually(() => expect(server.cancelled).toBeGreaterThan(0));
  });

  test('cancels what its caller cancels', async () => {
    server.cancelled = 0;
    const controller = new AbortController();
    const calls = server.metadata.length;
    const pending = failure(() => hello().hello({ name: 'slow' }, { signal: controller.signal }));
    await eventually(() => expect(server.metadata.length).toBeGreaterThan(calls));
    controller.abort();
    expect((await pending).code).toBe(499);
    await eventually(() => expect(server.cancelled).toBe(1));
  });

  test('gives up a stream that its reader leaves', async () => {
    server.cancelled = 0;
    for await (const { stroke } of hello().ticks({ count: 5_000n })) if (stroke === 3n) break;
    await eventually(() => expect(server.cancelled).toBe(1));
  });

  test('refuses a message over the limit, its own or one that comes', async () => {
    expect(await failure(() => hello().hello({ name: 'x'.repeat(100_001) }))).toMatchObject({
      code: 413,
      unexecuted: true,
    });
    expect((await failure(() => hello().hello({ name: 'large' }))).code).toBe(413);
  });

  test('says what to do about JSON', async () => {
    const error = await failure(() => hello().hello({ name: 'Ann' }, { contentType: 'application/json' }));
    expect(error).toMatchObject({ code: 415 });
    expect(error.detail).toContain('contentType application/protobuf');
  });

  test('says what to do about a value that gRPC cannot carry', async () => {
    const error = await failure(() => hello().hello({ name: 'Ann' }, { metadata: { Who: 'Grüße' } }));
    expect(error).toMatchObject({ code: 400 });
    expect(error.detail).toContain('"Who"');
  });
});

test('nobody there is a 503 that was not executed, and the next call finds who came since', async () => {
  const first = await plainServer();
  const port = Number(first.address.split(':')[1]);
  first.close();
  const client = grpcClient({ address: first.address, retries: 0 });
  const hello = client.of(Greeter, 'greeter');
  expect(await failure(() => hello.hello({ name: 'Ann' }))).toMatchObject({ code: 503, unexecuted: true });
  const second = await plainServer(port);
  expect((await hello.hello({ name: 'Ann' })).msg).toBe('Plain Ann');
  await client.close();
  second.close();
});

test('of several addresses one that refuses is passed over', async () => {
  const gone = await plainServer();
  gone.close();
  const server = await plainServer();
  const client = grpcClient({ address: [gone.address, server.address] });
  const hello = client.of(Greeter, 'greeter');
  for (let index = 0; index < 6; index++) expect((await hello.hello({ name: 'Ann' })).msg).toBe('Plain Ann');
  await client.close();
  server.close();
});

const NO_ADDRESSES = ['nowhere', 'ftp://a:1', 'a:b', '', 'a:0', 'a:99999', 'a b:1', 'http://a:1/path', 'a:1:1', '[::1'];
test.each(NO_ADDRESSES)('%j is no address of a gRPC server', (address) => {
  expect(() => grpcClient({ address })).toThrow(/cannot be called: use host:port/);
});

test('an address with a password in it is refused without showing that', () => {
  expect(() => grpcClient({ address: 'https://ann:secret@a:1' })).toThrow('address "https://…@a:1" cannot be called');
});

test('addresses with and without TLS do not go together', () => {
  expect(() => grpcClient({ address: ['https://a:1', 'http://b:1'] })).toThrow(/all of them with TLS or all without/);
  expect(() => grpcClient({ address: [] })).toThrow(/at least one address/);
});

test("a service that speaks gRPC itself is in the registry as go-micro's gRPC server is, and is found and called", async () => {
  const registry = memoryRegistry();
  const { service, seen } = greeter({ registry, grpc: { protocol: 'grpc' } });
  await service.start();
  const [record] = await registry.getService('greeter');
  expect(record?.nodes[0]?.metadata).toMatchObject({ protocol: 'grpc', transport: 'grpc', server: 'grpc' });
  const client = caller(grpcTransport(), registry);
  const hello = client.client.of(Greeter, 'greeter');
  expect((await hello.hello({ name: 'Ann' }, { metadata: { 'Trace-Id': 'a' } })).msg).toBe('Hello Ann');
  expect(seen.contexts.at(-1)?.metadata.get('trace-id')).toBe('a');
  expect((await hello.sum([{ stroke: 5n }])).count).toBe(5n);
  let count = 0;
  for await (const _ of hello.ticks({ count: 3n })) count += 1;
  expect(count).toBe(3);
  const error = await failure(() => hello.hello({ name: 'nobody' }, { contentType: 'application/grpc+proto' }));
  expect(error).toMatchObject({ id: 'greeter', code: 404, detail: 'nobody is not here', status: 'Not Found' });
  await client.stop();
  await service.stop();
});

test("a service without a .proto is called by go-micro's path, with JSON", async () => {
  const registry = memoryRegistry();
  const transport = grpcTransport({ protocol: 'grpc' });
  const service = createService({
    name: 'plain',
    registry,
    transport,
    logger: silentLogger(),
    server: { address: '127.0.0.1:0' },
  });
  await service.start();
  // Added while it runs.
  service.server.handle('Adder', { add: ({ a, b }: { a: number; b: number }) => ({ sum: a + b }) });
  const client = caller(grpcTransport(), registry);
  expect(await client.client.call({ service: 'plain', endpoint: 'Adder.Add', body: { a: 1, b: 2 } })).toEqual({
    sum: 3,
  });
  await client.stop();
  await service.stop();
});
