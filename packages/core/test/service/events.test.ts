import { expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import type { BrokerFailure } from '../../src/broker/broker-failure.ts';
import { memoryBroker } from '../../src/broker/memory-broker.ts';
import { createEvent } from '../../src/client/create-event.ts';
import { eventually } from '../../src/conformance/eventually.ts';
import type { Broker } from '../../src/contract/broker.ts';
import type { Middleware, Request } from '../../src/contract/middleware.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';
import { CountSchema, type HelloRequest, HelloRequestSchema } from '../gen/sample_pb.js';
import { createWorld } from './world.ts';

const User = z.object({ name: z.string().min(1), age: z.coerce.number().default(0) });

function broker(failures: BrokerFailure[] = []): Broker {
  return memoryBroker({ logger: silentLogger(), backoff: () => 5, onError: (failure) => failures.push(failure) });
}

test('services publish and subscribe without being given a broker, and nothing listens before', async () => {
  await using world = createWorld();
  const registry = memoryRegistry();
  const got: unknown[] = [];
  const caller = world.caller({ registry });
  await caller.client.publish('users.created', { name: 'nobody' });
  expect(await registry.listServices()).toEqual([]);
  const everybody = await world.start({ registry }, ({ server }) => {
    server.subscribe('users.created', (message: { name: string }) => got.push(message.name));
    server.subscribe('users.created', (message: { name: string }) => got.push(`mail ${message.name}`), {
      queue: 'mail',
    });
  });
  expect(await registry.listServices()).toEqual(['greeter', 'micro.http.broker']);
  await caller.client.publish('users.created', { name: 'Ann' });
  // Each handler once: in go-micro two subscribers on one topic are called twice each.
  await eventually(() => expect(got.sort()).toEqual(['Ann', 'mail Ann']));
  const nodes = (await registry.getService('micro.http.broker')).flatMap((record) => record.nodes);
  for (const node of nodes) expect(node.address).toMatch(/^127\.0\.0\.1:/);
  await everybody.stop();
  expect(await registry.listServices()).toEqual([]);
});

test('subscribers are listed in the registry as go-micro lists them, by topic descending, internal ones left out', async () => {
  await using world = createWorld();
  const registry = memoryRegistry();
  await world.start({ registry, broker: broker() }, ({ server }) => {
    server.handle('Greeter', { hello: () => ({}) });
    server.subscribe('a', () => {});
    server.subscribe('c', () => {}, { message: HelloRequestSchema });
    server.subscribe('b', () => {}, { internal: true });
  });
  const [record] = await registry.getService('greeter');
  const subscribers = record?.endpoints.filter(({ metadata }) => metadata.subscriber !== undefined);
  expect(subscribers).toEqual([
    {
      name: 'Func',
      request: { name: 'HelloRequest', type: 'HelloRequest', values: [{ name: 'name', type: 'string', values: [] }] },
      metadata: { topic: 'c', subscriber: 'true' },
    },
    { name: 'Func', metadata: { topic: 'a', subscriber: 'true' } },
  ]);
  expect(record?.endpoints[0]?.name).toBe('Greeter.Hello');
  expect(record?.nodes[0]?.metadata.broker).toBe('memory');
});

test('a message is checked at the subscriber’s door; one that is not valid reaches no handler and comes no second time', async () => {
  const failures: BrokerFailure[] = [];
  await using world = createWorld();
  const shared = broker(failures);
  const got: z.infer<typeof User>[] = [];
  const service = await world.start({ broker: shared }, ({ server }) => {
    server.subscribe(
      'users.created',
      (user, ctx) => {
        expectTypeOf(user).toEqualTypeOf<{ name: string; age: number }>();
        expect(ctx.endpoint).toBe('users.created');
        got.push(user);
      },
      { message: User },
    );
  });
  await service.client.publish('users.created', { name: 'Ann', age: '42' });
  await service.client.publish('users.created', { name: '' });
  await eventually(() => expect(failures).toHaveLength(1));
  expect(failures[0]).toMatchObject({ willRepeat: false, deliveries: 1, error: { code: 400 } });
  expect(failures[0]?.error.detail).toContain('users.created is not valid: name');
  await eventually(() => expect(got).toEqual([{ name: 'Ann', age: 42 }]));
});

test('an event is typed, and refuses to publish what its validator refuses', async () => {
  await using world = createWorld();
  const got: unknown[] = [];
  const service = await world.start({ broker: broker() }, ({ server }) => {
    server.subscribe('users.created', (user, ctx) => got.push([user, ctx.metadata.get('trace-id')]), { message: User });
  });
  const created = createEvent(service.client, 'users.created', { message: User });
  expectTypeOf(created.publish).parameter(0).toEqualTypeOf<z.input<typeof User>>();
  await created.publish({ name: 'Ann' }, { metadata: { 'trace-id': '7' } });
  await eventually(() => expect(got).toEqual([[{ name: 'Ann', age: 0 }, '7']]));
  await expect(created.publish({ name: '' })).rejects.toMatchObject({ code: 400 });
  const bare = createEvent<{ id: number }>(service.client, 'anything');
  expectTypeOf(bare.publish).parameter(0).toEqualTypeOf<{ id: number }>();
  await bare.publish({ id: 1 });
  expect(bare.topic).toBe('anything');
});

test.each(['application/json', 'application/protobuf'])(
  'a protobuf message is published as %s',
  async (contentType) => {
    await using world = createWorld();
    const got: HelloRequest[] = [];
    const service = await world.start({ broker: broker() }, ({ server }) => {
      server.subscribe('hello', (message) => got.push(message), { message: HelloRequestSchema });
    });
    await createEvent(service.client, 'hello', { message: HelloRequestSchema, contentType }).publish({ name: 'Ann' });
    await eventually(() => expect(got).toMatchObject([{ $typeName: 'sample.v1.HelloRequest', name: 'Ann' }]));
  },
);

test('subscriber middleware sees each event as a request, the first one outermost', async () => {
  await using world = createWorld();
  const seen: unknown[] = [];
  const note =
    (name: string): Middleware =>
    (next) =>
    async (request: Request, ctx) => {
      seen.push([name, request.service, request.endpoint, request.kind, request.contentType, request.body]);
      await next(request, ctx);
      seen.push(name);
    };
  const service = await world.start(
    { broker: broker(), server: { subscriberMiddleware: [note('a'), note('b')] } },
    ({ server }) => server.subscribe('users.created', () => seen.push('handler')),
  );
  await service.client.publish('users.created', { id: 1 });
  const facts = ['greeter', 'users.created', 'unary', 'application/json', { id: 1 }];
  await eventually(() => expect(seen).toEqual([['a', ...facts], ['b', ...facts], 'handler', 'b', 'a']));
});

test('with autoAck off the handler decides through its context', async () => {
  await using world = createWorld();
  let deliveries = 0;
  const service = await world.start({ broker: broker() }, ({ server }) => {
    server.subscribe(
      'a',
      async (_, ctx) => {
        deliveries += 1;
        if (deliveries < 3) await ctx.nack(new Error('not yet'));
        else await ctx.ack();
      },
      { autoAck: false },
    );
  });
  await service.client.publish('a', {});
  await eventually(() => expect(deliveries).toBe(3));
});

test('what a handler publishes with its context carries the metadata and not the credentials of what it handles', async () => {
  await using world = createWorld();
  const got: unknown[] = [];
  const service = await world.start({ broker: broker() }, ({ server, client }) => {
    server.subscribe('first', (_, ctx) => client.publish('second', {}, ctx));
    server.subscribe('second', (_, ctx) => got.push(Object.fromEntries(ctx.metadata)));
  });
  const metadata = { 'Trace-Id': '7', Authorization: 'Bearer secret' };
  await service.client.publish('first', {}, { metadata });
  await eventually(() => expect(got).toEqual([{ 'Trace-Id': '7' }]));
});

test('a content type that nobody speaks is reported, not repeated', async () => {
  const failures: BrokerFailure[] = [];
  await using world = createWorld();
  const shared = broker(failures);
  await world.start({ broker: shared }, ({ server }) => server.subscribe('a', () => {}));
  await shared.publish('a', { header: { 'Content-Type': 'text/klingon' }, body: new Uint8Array(0) });
  await eventually(() => expect(failures).toHaveLength(1));
  expect(failures[0]).toMatchObject({ willRepeat: false, error: { code: 415 } });
});

test('a subscriber that is added while the service runs is subscribed at once', async () => {
  await using world = createWorld();
  const got: unknown[] = [];
  const service = await world.start({ broker: broker() }, () => {});
  service.server.subscribe('a', (message) => got.push(message));
  await eventually(async () => {
    await service.client.publish('a', {});
    expect(got.length).toBeGreaterThan(0);
  });
});

test('an event in one of the legacy content types is the bare value, as go-micro publishes it', async () => {
  await using world = createWorld();
  const bus = broker();
  const got: bigint[] = [];
  const { server } = await world.start({ broker: bus }, (service) => {
    service.server.subscribe('a', ({ count }) => got.push(count), { message: CountSchema });
  });
  expect(server.status).toBe('running');
  const body = Buffer.from('{"count":9007199254740993}');
  await bus.publish('a', { header: { 'Content-Type': 'application/json-rpc' }, body });
  await bus.publish('a', { header: { 'Content-Type': 'application/proto-rpc' }, body: Buffer.from([8, 7]) });
  await eventually(() => expect(got).toEqual([9007199254740993n, 7n]));
});

test('stopping waits for the handler that runs; the subscription is back after the next start', async () => {
  await using world = createWorld();
  const happened: string[] = [];
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const service = await world.start({}, ({ server }) => {
    server.subscribe('a', async () => {
      happened.push('begun');
      await released;
      happened.push('handled');
    });
  });
  const { client } = world.caller();
  await client.publish('a', {});
  await eventually(() => expect(happened).toEqual(['begun']));
  const stopped = service.stop().then(() => happened.push('stopped'));
  release();
  await stopped;
  expect(happened).toEqual(['begun', 'handled', 'stopped']);
  await service.start();
  await client.publish('a', {});
  await eventually(() => expect(happened.slice(3)).toEqual(['begun', 'handled']));
});

test('what makes no subscriber is refused at once', async () => {
  await using world = createWorld();
  const { server } = world.caller();
  expect(() => server.subscribe('', () => {})).toThrow(expect.objectContaining({ code: 400 }));
  expect(() => server.subscribe('a', 'b' as unknown as () => void)).toThrow(expect.objectContaining({ code: 400 }));
  const wrong = { message: { kind: 'service' } } as unknown as { message: typeof User };
  expect(() => server.subscribe('a', () => {}, wrong)).toThrow(expect.objectContaining({ code: 400 }));
});

/** An event as somebody sends it who knows the RPC port alone. */
async function send(address: string | undefined, topic: string, body: string): Promise<Response> {
  const headers = { 'Content-Type': 'application/json', 'Micro-Topic': topic, 'Trace-Id': '7' };
  return fetch(`http://${address}/`, { method: 'POST', headers, body });
}

test('an event over the RPC port runs the subscribers of its topic, one of each queue, and is answered with 200', async () => {
  await using world = createWorld();
  const got: unknown[] = [];
  const seen: string[] = [];
  const watch: Middleware = (next) => (request, ctx) => {
    seen.push(request.endpoint);
    return next(request, ctx);
  };
  const { server } = await world.start({ broker: broker(), server: { subscriberMiddleware: [watch] } }, (service) => {
    service.server.subscribe('a', (message, ctx) => got.push(['all', message, ctx.metadata.get('Trace-Id')]));
    service.server.subscribe('a', (message) => got.push(['mail', message]), { queue: 'mail' });
    service.server.subscribe('a', (message) => got.push(['mail', message]), { queue: 'mail' });
    service.server.subscribe('b', () => got.push('b'));
  });
  const answer = await send(server.address, 'a', '{"id":1}');
  expect([answer.status, answer.headers.get('micro-error'), await answer.text()]).toEqual([200, null, '']);
  expect(got).toEqual([
    ['all', { id: 1 }, '7'],
    ['mail', { id: 1 }],
  ]);
  expect(seen).toEqual(['a', 'a']);
  expect((await send(server.address, 'nobody', '{}')).status).toBe(200);
});

test('an event over the RPC port whose handler fails is answered with go-micro’s error, and the others still run', async () => {
  await using world = createWorld();
  let calm = 0;
  const { server } = await world.start({ broker: broker() }, (service) => {
    service.server.subscribe('a', () => {
      throw new Error('cannot');
    });
    service.server.subscribe('a', () => {
      calm += 1;
    });
  });
  const answer = await send(server.address, 'a', '{}');
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.headers.get('micro-error') ?? '')).toEqual({
    id: 'go.micro.server',
    code: 500,
    detail: 'subscriber error: cannot',
    status: 'Internal Server Error',
  });
  expect(calm).toBe(1);
  expect((await send(server.address, 'a', 'no json')).headers.get('micro-error')).toContain('subscriber error');
});
