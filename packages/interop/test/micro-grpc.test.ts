import { natsBroker } from '@micro/broker-nats';
import type { Service } from '@micro/core';
import { createEvent, createService, memoryRegistry, silentLogger } from '@micro/core';
import { etcdRegistry } from '@micro/registry-etcd';
import { startEtcd, startNats, type TestServer } from '@micro/test-servers';
import { grpcTransport } from '@micro/transport-grpc';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { startGoBroker } from '../src/go-broker.ts';
import { type GoCall, type GoClient, type GoOutcome, startGoClient } from '../src/go-client.ts';
import { type GoServer, startGoServer } from '../src/go-server.ts';
import { eventually } from './eventually.ts';
import { CallRequestSchema, Helloworld } from './gen/helloworld_pb.ts';
import { ourCaller, startOurService } from './our-service.ts';
import { cleanup, need } from './real-servers.ts';

// go-micro's gRPC client and server (plugins/v4/client/grpc and server/grpc), which speak gRPC by their own rules.

const binary = inject('goMicroGrpcBinary');
const { skip, why } = need(binary, 'etcd');

const BEYOND = '9007199254740993';
const PROTO_TYPES = ['application/protobuf', 'application/grpc', 'application/grpc+proto'];
const JSON_TYPES = ['application/json', 'application/grpc+json'];

describe.skipIf(binary === '')("go-micro's gRPC client and our server", () => {
  let ours: Awaited<ReturnType<typeof startOurService>>;
  let client: GoClient;

  beforeAll(async () => {
    ours = await startOurService({ transport: grpcTransport({ protocol: 'grpc' }) });
    client = await startGoClient({ binary, client: 'grpc' });
  });
  afterAll(async () => {
    await client.close();
    await ours.service.stop();
  });

  const call = (goCall: Omit<GoCall, 'address'>): Promise<GoOutcome> =>
    client.call({ contentType: 'application/grpc+proto', ...goCall, address: ours.address });

  async function repliesTo(goCall: Omit<GoCall, 'address'>): Promise<unknown[]> {
    const { replies, errors } = await call(goCall);
    expect(errors).toEqual([]);
    return replies.map(({ reply }) => reply);
  }

  test.each([...PROTO_TYPES, ...JSON_TYPES])('a unary call in %s is answered', async (contentType) => {
    const body = { name: 'Jörg 世界 <&>' };
    const replies = await repliesTo({ endpoint: 'Helloworld.Call', contentType, body, count: 3 });
    expect(replies).toEqual(Array(3).fill({ msg: 'Hello Jörg 世界 <&>' }));
  });

  test.each(PROTO_TYPES)('streams of all kinds in %s are answered, and end', async (contentType) => {
    const up = await call({ endpoint: 'Helloworld.ServerStream', kind: 'server', contentType, body: { count: 100 } });
    expect(up.errors).toEqual([]);
    expect(up.replies.map(({ reply }) => reply)).toEqual(Array.from({ length: 100 }, (_, i) => ({ count: `${i}` })));
    expect(up.ended).toBe(1);
    const bodies = [{ stroke: 3 }, { stroke: BEYOND }, { stroke: 0 }];
    // Unlike go-micro's own, this client can say that it has no more.
    const down = { endpoint: 'Helloworld.ClientStream', kind: 'client', contentType, bodies, closeSend: true } as const;
    expect(await repliesTo(down)).toEqual([{ count: '9007199254740996' }]);
    const both = { endpoint: 'Helloworld.BidiStream', kind: 'bidi', contentType, bodies, closeSend: true } as const;
    expect(await repliesTo(both)).toEqual(bodies.map(({ stroke }) => ({ stroke: `${stroke}` })));
  });

  test('any JSON value comes back as it went', async () => {
    const body = { a: [1, 'ü', null], b: { c: true } };
    expect(await repliesTo({ endpoint: 'Plain.Echo', contentType: 'application/json', body })).toEqual([body]);
  });

  test.each([400, 401, 403, 404, 408, 409, 500, 418])(
    'an error %i keeps its id, code, detail and status',
    async (code) => {
      const body = { code, detail: 'größer als 100 % "x" <y>', id: 'users' };
      const { errors } = await call({ endpoint: 'Plain.Fail', contentType: 'application/json', body });
      expect(errors[0]?.error).toMatchObject(body);
    },
  );

  test('a call of what is not there says so', async () => {
    const { errors } = await call({ endpoint: 'Helloworld.Nope', as: 'call' });
    expect(errors[0]?.error).toMatchObject({ code: 501 });
  });

  test('metadata and the deadline arrive', async () => {
    const contentType = 'application/json';
    const metadata = { 'Trace-Id': 'a1', 'X-Foo': '1' };
    const [got] = await repliesTo({ endpoint: 'Plain.Metadata', contentType, metadata });
    expect(got).toMatchObject({ 'Trace-Id': 'a1', 'X-Foo': '1' });
    expect(await repliesTo({ endpoint: 'Plain.Deadline', contentType, timeoutMs: 20_000 })).toEqual([
      { leftMs: expect.toSatisfy((left: number) => left > 10_000 && left <= 20_000) },
    ]);
    ours.seen.aborted = undefined;
    const late = await call({ endpoint: 'Plain.Sleep', contentType, body: { ms: 20_000 }, timeoutMs: 1_000 });
    expect(late.errors[0]?.error).toMatchObject({ code: 408 });
    await eventually(async () => (ours.seen.aborted === undefined ? undefined : true));
  });

  test('2,000 calls, 100 at a time, are each answered with their own reply', async () => {
    const goCall = { endpoint: 'Helloworld.Call', body: { name: '$n' }, count: 2_000, concurrency: 100 };
    const { replies, errors } = await call({ ...goCall, timeoutMs: 20_000 });
    expect(errors).toEqual([]);
    expect(replies.filter(({ n, reply }) => (reply as { msg: string }).msg !== `Hello ${n}`)).toEqual([]);
    expect(new Set(replies.map(({ n }) => n)).size).toBe(2_000);
  }, 60_000);
});

describe.skipIf(binary === '')("our client and go-micro's gRPC server", () => {
  let server: GoServer;
  let ours: Service;

  beforeAll(async () => {
    server = await startGoServer({ binary, server: 'grpc' });
    const options = { transport: grpcTransport(), client: { contentType: 'application/protobuf' } };
    ours = ourCaller(server.address, { protocol: 'grpc', transport: 'grpc' }, options);
  });
  afterAll(async () => {
    await ours.stop();
    await server.close();
  });

  const hello = () => ours.client.of(Helloworld, 'helloworld');

  async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
    const all: T[] = [];
    for await (const message of messages) all.push(message);
    return all;
  }

  test('a unary call is answered', async () => {
    expect(await hello().call({ name: 'Jörg 世界 <&>' })).toMatchObject({ msg: 'Hello Jörg 世界 <&>' });
  });

  test('streams of all kinds are answered, half-closed and ended', async () => {
    const counts = await collect(hello().serverStream({ count: 100n }));
    expect(counts.map(({ count }) => count)).toEqual(Array.from({ length: 100 }, (_, i) => BigInt(i)));
    const strokes = [{ stroke: 3n }, { stroke: BigInt(BEYOND) }, { stroke: 0n }];
    expect(await hello().clientStream(strokes)).toMatchObject({ count: BigInt(BEYOND) + 3n });
    const answers = await collect(hello().bidiStream(strokes));
    expect(answers.map(({ stroke }) => stroke)).toEqual(strokes.map(({ stroke }) => stroke));
  });

  test('a stream that fails throws what the handler returned, with its id and code', async () => {
    const failed = collect(hello().serverStream({ count: -1n }));
    await expect(failed).rejects.toMatchObject({ id: 'helloworld', code: 400, detail: 'count -1 is below 0' });
  });

  test('a method that is not there is not implemented', async () => {
    const request = { service: 'helloworld', endpoint: 'Helloworld.Nope', body: new Uint8Array() };
    const nope = ours.client.call(request, { contentType: 'application/octet-stream' });
    await expect(nope).rejects.toMatchObject({ code: 501 });
  });

  test('1,000 calls at a time are each answered with their own reply', async () => {
    const names = Array.from({ length: 1_000 }, (_, n) => `${n}`);
    const answers = await Promise.all(names.map((name) => hello().call({ name }, { timeoutMs: 20_000 })));
    expect(answers.map(({ msg }) => msg)).toEqual(names.map((name) => `Hello ${name}`));
  }, 60_000);
});

describe.skipIf(skip)(`gRPC services of go-micro and ours that find each other in etcd${why}`, () => {
  test('each calls the other by its name', async () => {
    const etcd = await startEtcd();
    const registryAddress = etcd.address;
    const server = await startGoServer({
      binary,
      name: 'theirs',
      server: 'grpc',
      registry: 'etcd',
      registryAddress,
      registerTtlMs: 60_000,
    });
    const mine = await startOurService({
      name: 'ours',
      registry: etcdRegistry({ hosts: registryAddress }),
      transport: grpcTransport({ protocol: 'grpc' }),
    });
    const client = await startGoClient({ binary, client: 'grpc', registry: 'etcd', registryAddress });
    const caller = createService({
      name: 'caller',
      registry: etcdRegistry({ hosts: registryAddress }),
      transport: grpcTransport(),
      logger: silentLogger(),
      handleSignals: false,
      client: { contentType: 'application/protobuf' },
    });
    try {
      const [record] = await caller.components.registry.getService('theirs');
      expect(record?.nodes[0]?.metadata).toMatchObject({ protocol: 'grpc', transport: 'grpc', server: 'grpc' });
      expect(await caller.client.of(Helloworld, 'theirs').call({ name: 'Jo' })).toMatchObject({ msg: 'Hello Jo' });
      const [own] = await caller.components.registry.getService('ours');
      expect(own?.nodes[0]?.metadata).toMatchObject({ protocol: 'grpc', transport: 'grpc', server: 'grpc' });
      const contentType = 'application/grpc+proto';
      const { errors, replies } = await client.call({
        service: 'ours',
        endpoint: 'Helloworld.Call',
        contentType,
        body: { name: 'Jo' },
      });
      expect(errors).toEqual([]);
      expect(replies.map(({ reply }) => reply)).toEqual([{ msg: 'Hello Jo' }]);
    } finally {
      await caller.stop();
      await client.close();
      await mine.service.stop();
      await server.close();
      await etcd.close();
    }
  });

  // It has no default, and the etcd registry takes nothing else.
  test('a gRPC server of go-micro that registers in etcd without a ttl panics', async () => {
    const etcd = await startEtcd();
    try {
      const start = startGoServer({ binary, server: 'grpc', registry: 'etcd', registryAddress: etcd.address });
      await expect(start).rejects.toThrow(/nil pointer dereference/);
    } finally {
      await etcd.close();
    }
  });
});

const natsNeed = need(binary, 'nats');

describe.skipIf(natsNeed.skip)(`events between go-micro's gRPC client and server and us${natsNeed.why}`, () => {
  let nats: TestServer;
  const { add, run } = cleanup();

  beforeAll(async () => {
    nats = await startNats();
  });
  afterEach(run);
  afterAll(() => nats.close());

  const ourService = (received: string[] = []): Service => {
    const broker = natsBroker({ servers: nats.address });
    const service = createService({
      name: 'ours',
      broker,
      registry: memoryRegistry(),
      logger: silentLogger(),
      handleSignals: false,
      server: { address: '127.0.0.1:0', settleMs: 0 },
    });
    service.server.subscribe('users', ({ name }) => void received.push(name), { message: CallRequestSchema });
    add(async () => {
      await service.stop();
      await broker.disconnect();
    });
    return service;
  };

  test.each(['application/protobuf', 'application/grpc+proto', 'application/json'])(
    'what its client publishes in %s is what our typed subscriber takes',
    async (contentType) => {
      const received: string[] = [];
      await ourService(received).start();
      const publisher = await startGoBroker({ binary, client: 'grpc', broker: 'nats', address: nats.address });
      add(() => publisher.close());
      await publisher.emit('users', { message: { name: 'Jörg 世界' }, as: 'call', contentType });
      await eventually(async () => (received.length > 0 ? true : undefined));
      expect(received).toEqual(['Jörg 世界']);
    },
  );

  test.each(['application/protobuf', 'application/json'])(
    'what we publish in %s is what a subscriber of its server takes',
    async (contentType) => {
      const options = {
        server: 'grpc',
        broker: 'nats',
        brokerAddress: nats.address,
        subscribe: { users: '' },
      } as const;
      const server = await startGoServer({ binary, ...options });
      add(() => server.close());
      const users = createEvent(ourService().client, 'users', { message: CallRequestSchema });
      // go-micro does not wait for its subscription to stand.
      await eventually(async () => {
        await users.publish({ name: 'Jörg 世界' }, { contentType });
        return server.events.length > 0 ? true : undefined;
      });
      expect(server.events[0]).toMatchObject({ topic: 'users', name: 'Jörg 世界' });
    },
  );

  // Its codec for this type is a bare message, that of go-micro's own server and client one behind a prefix.
  test('an event in grpc+proto that we publish, or a Go client without gRPC, is nothing to a subscriber of its server', async () => {
    const options = { server: 'grpc', broker: 'nats', brokerAddress: nats.address, subscribe: { users: '' } } as const;
    const server = await startGoServer({ binary, ...options });
    add(() => server.close());
    const users = createEvent(ourService().client, 'users', { message: CallRequestSchema });
    const publisher = await startGoBroker({ binary, broker: 'nats', address: nats.address });
    add(() => publisher.close());
    const contentType = 'application/grpc+proto';
    await users.publish({ name: 'ours' }, { contentType });
    await publisher.emit('users', { message: { name: 'theirs' }, as: 'call', contentType });
    await eventually(async () => {
      await users.publish({ name: 'read' }, { contentType: 'application/protobuf' });
      return server.events.length > 0 ? true : undefined;
    });
    expect(new Set(server.events.map(({ name }) => name))).toEqual(new Set(['read']));
  });
});
