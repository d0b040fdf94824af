import { describe, expect, test } from 'vitest';
import { debugService } from '../../src/debug/debug-service.ts';
import { memoryTracer } from '../../src/debug/memory-tracer.ts';
import { pinoLogger } from '../../src/logger/pino-logger.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';
import { createWorld, TRANSPORTS } from '../service/world.ts';

const quiet = () => pinoLogger({ level: 'debug', destination: { write() {} } });

/** Ends a stream after so many messages, or with it. */
async function take<T>(count: number, stream: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of stream) {
    taken.push(item);
    if (taken.length === count) break;
  }
  return taken;
}

describe.each(Object.entries(TRANSPORTS))('over the %s', (_, transport) => {
  test('Debug answers in JSON with the shapes that go-micro has', async () => {
    await using world = createWorld(transport());
    const service = await world.start({ logger: quiet() }, ({ server }) => {
      server.handle('Greeter', {
        hello: async () => ({}),
        async fail() {
          throw new Error('no luck');
        },
      });
    });
    const { client } = world.caller();
    const ask = (endpoint: string, body: unknown = {}) => client.call({ service: 'greeter', endpoint, body });
    await ask('Greeter.Hello');
    await expect(ask('Greeter.Fail')).rejects.toThrow('no luck');

    expect(await ask('Debug.Health', { service: 'greeter' })).toEqual({ status: 'ok' });

    const stats = (await ask('Debug.Stats')) as Record<string, string>;
    const now = Date.now() / 1_000;
    // protobuf's JSON writes 64-bit integers as strings and leaves out what is 0, and so does Go's jsonpb.
    expect(Number(stats.timestamp)).toBeGreaterThan(now - 60);
    expect(Number(stats.started)).toBeLessThanOrEqual(Number(stats.timestamp));
    expect(Number(stats.memory)).toBeGreaterThan(1_000_000);
    expect(Number(stats.threads ?? 0)).toBeGreaterThanOrEqual(0);
    expect(stats.requests).toBe('4');
    expect(stats.errors).toBe('1');
    expect(Object.keys(stats).sort()).toEqual(
      expect.arrayContaining(['errors', 'memory', 'requests', 'started', 'timestamp']),
    );

    expect(await ask('Debug.Trace')).toEqual({});

    service.components.logger.log('warn', 'something is odd', { authorization: 'Bearer x', attempt: 3 });
    const stream = client.stream({ service: 'greeter', endpoint: 'Debug.Log' });
    await stream.send({ count: '1' });
    await stream.end();
    expect(await take(10, stream)).toEqual([
      {
        timestamp: expect.stringMatching(/^\d{10}$/),
        metadata: { level: 'warn', service: 'greeter', authorization: '[redacted]', attempt: '3' },
        message: 'something is odd',
      },
    ]);
  });

  test('Debug answers in protobuf, and follows the log until its reader goes', async () => {
    await using world = createWorld(transport());
    const service = await world.start({ logger: quiet() }, () => {});
    const { logger } = service.components;
    const caller = world.caller({ client: { contentType: 'application/protobuf' } });
    const debug = caller.client.of(debugService(), 'greeter');
    expect((await debug.health({})).status).toBe('ok');
    expect((await debug.stats({})).requests).toBe(2n);

    logger.log('info', 'first');
    const seen: string[] = [];
    for await (const { message } of debug.log({ stream: true, count: 1n })) {
      seen.push(message);
      if (seen.length === 3) break;
      logger.log('info', seen.length === 1 ? 'second' : 'third');
    }
    expect(seen).toEqual(['first', 'second', 'third']);
    await expect(take(1, debug.log({ count: -1n }))).rejects.toMatchObject({ code: 400 });
  });

  test('a stop does not wait for those who follow the log, and tells them that it is over', async () => {
    await using world = createWorld(transport());
    const service = await world.start({ logger: quiet() }, () => {});
    const debug = world.caller().client.of(debugService(), 'greeter');
    const following = debug.log({ stream: true })[Symbol.asyncIterator]();
    expect((await following.next()).done).toBe(false);
    const before = performance.now();
    await service.stop();
    // The budget of a drain is 25 s.
    expect(performance.now() - before).toBeLessThan(15_000);
    let last = await following.next();
    while (!last.done) last = await following.next();
    expect(last.done).toBe(true);
  });

  test('traces go from service to service, each span with its parent', async () => {
    await using world = createWorld(transport());
    const front = memoryTracer();
    const back = memoryTracer();
    await world.start({ name: 'back', tracer: back }, ({ server }) =>
      server.handle('Back', {
        hello: async () => ({ msg: 'hello' }),
        async fail() {
          throw new Error('no luck');
        },
      }),
    );
    await world.start({ name: 'front', tracer: front }, ({ server, client }) =>
      server.handle('Front', {
        hello: (_request: unknown, ctx) => client.call({ service: 'back', endpoint: 'Back.Hello' }, ctx),
        fail: (_request: unknown, ctx) => client.call({ service: 'back', endpoint: 'Back.Fail' }, ctx),
      }),
    );
    const { client } = world.caller();
    const trace = '0af7651916cd43dd8448eb211c80319c';
    await client.call(
      { service: 'front', endpoint: 'Front.Hello' },
      { metadata: { traceparent: `00-${trace}-b7ad6b7169203331-01` } },
    );
    await expect(client.call({ service: 'front', endpoint: 'Front.Fail' })).rejects.toThrow('no luck');

    const [outbound, inbound] = front.read(trace);
    const [far] = back.read(trace);
    expect(inbound).toMatchObject({ name: 'front.Front.Hello', kind: 'inbound', parent: 'b7ad6b7169203331' });
    expect(outbound).toMatchObject({ name: 'back.Back.Hello', kind: 'outbound', parent: inbound?.id });
    expect(far).toMatchObject({ name: 'back.Back.Hello', kind: 'inbound', parent: outbound?.id, metadata: {} });

    const answer = (await client.call({ service: 'back', endpoint: 'Debug.Trace', body: {} })) as {
      spans: { name: string; metadata?: Record<string, string> }[];
    };
    expect(answer.spans.map(({ name }) => name)).toEqual(['back.Back.Hello', 'back.Back.Fail']);
    expect(answer.spans[0]).toEqual({
      trace,
      id: far?.id,
      parent: outbound?.id,
      name: 'back.Back.Hello',
      started: expect.stringMatching(/^\d{19}$/),
      duration: expect.stringMatching(/^\d+$/),
    });
    expect(answer.spans[1]?.metadata).toEqual({ error: 'no luck' });
    const one = await client.call({ service: 'front', endpoint: 'Debug.Trace', body: { id: trace } });
    expect(one).toMatchObject({ spans: [{ type: 'OUTBOUND' }, { parent: 'b7ad6b7169203331' }] });
  });
});

test('Debug is served but not listed, and can be turned off or be the own handler of a user', async () => {
  await using world = createWorld();
  const registry = memoryRegistry();
  await world.start({ registry, name: 'plain' }, ({ server }) => server.handle('Greeter', { hello: () => ({}) }));
  await world.start({ registry, name: 'off', debug: { endpoints: false } }, () => {});
  await world.start({ registry, name: 'own' }, ({ server }) =>
    server.handle('Debug', { health: () => ({ own: true }) }),
  );
  const [record] = await registry.getService('plain');
  expect(record?.endpoints.map(({ name }) => name)).toEqual(['Greeter.Hello']);
  const { client } = world.caller({ registry });
  const ask = (service: string) => client.call({ service, endpoint: 'Debug.Health' });
  expect(await ask('plain')).toEqual({ status: 'ok' });
  await expect(ask('off')).rejects.toMatchObject({ code: 404 });
  expect(await ask('own')).toEqual({ own: true });
});

test('a service that was stopped shows itself again when it is started again', async () => {
  await using world = createWorld();
  const service = await world.start({ logger: quiet() }, () => {});
  await service.stop();
  await service.start();
  const debug = world.caller().client.of(debugService(), 'greeter');
  expect((await debug.health({})).status).toBe('ok');
  expect((await take(1, debug.log({ stream: true }))).length).toBe(1);
});

test('counts of lines, and times since when, are kept to', async () => {
  await using world = createWorld();
  const service = await world.start({ logger: quiet(), debug: { logLines: 3 } }, () => {});
  const debug = world.caller().client.of(debugService(), 'greeter');
  const { logger } = service.components;
  for (const word of ['one', 'two', 'three', 'four']) logger.logf('info', 'line %s', word);
  const lines = async (request: Parameters<typeof debug.log>[0]) =>
    (await take(100, debug.log(request))).map(({ message }) => message);
  expect(await lines({})).toEqual(['line two', 'line three', 'line four']);
  expect(await lines({ count: 2n })).toEqual(['line three', 'line four']);
  expect(await lines({ count: 2n, since: 3_600n })).toEqual(['line three', 'line four']);
  expect(await lines({ since: BigInt(Math.floor(Date.now() / 1_000) + 3_600) })).toEqual([]);
});
