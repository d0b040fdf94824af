import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { retryOnError } from '../../src/client/retry.ts';
import { eventually } from '../../src/conformance/eventually.ts';
import type { Definition } from '../../src/contract/definition.ts';
import type { Node } from '../../src/contract/registry.ts';
import type { Service } from '../../src/contract/service.ts';
import { CODE } from '../../src/error/code.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';
import { defineService, serverStream, unary } from '../../src/rpc/define-service.ts';
import { createWorld, type World } from './world.ts';

const Shop = defineService('Shop', {
  buy: unary<{ n: number }, { node: string }>(),
  look: unary<{ n: number }, { node: string }>({ idempotent: true }),
  list: serverStream<{ n: number }, { node: string }>(),
});

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A port at which connections are refused. */
async function deadAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`;
}

/** A peer that takes connections, reads, and after a while closes them without having said a word, or having said hello. */
async function droppingAddress(hello: boolean): Promise<{ address: string; connections: () => number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => {});
    socket.once('data', () => {
      if (hello) socket.write('\0micro1\n\0\0\0\u0006\0\0\0\0\0\0', 'latin1');
      setTimeout(() => socket.end(), 20);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  const bound = server.address();
  return {
    address: `127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`,
    connections: () => connections,
  };
}

function nodeAt(id: string, address: string): Node {
  return { id, address, metadata: { protocol: 'mucp', frames: '1' } };
}

/** A registry that knows these nodes for ever. */
function knowing(...nodes: Node[]) {
  return memoryRegistry({ services: [{ name: 'greeter', version: '1', metadata: {}, endpoints: [], nodes }] });
}

/** Counts what was run, by endpoint. */
async function shop(world: World, id: string, ran: string[], fail?: () => Error | undefined): Promise<Service> {
  const run = (what: string): { node: string } => {
    ran.push(`${id} ${what}`);
    const error = fail?.();
    if (error !== undefined) throw error;
    return { node: id };
  };
  return world.start({ id, registry: memoryRegistry() }, ({ server }) =>
    server.handle(Shop, {
      buy: () => run('buy'),
      look: () => run('look'),
      async *list() {
        yield run('list');
      },
    }),
  );
}

const addressOf = (service: Service): string => service.server.address ?? '';

describe('by default', () => {
  test('what never reached a handler goes to another node, without anybody noticing', async () => {
    await using world = createWorld();
    const ran: string[] = [];
    const alive = await shop(world, 'alive', ran);
    const dropping = await droppingAddress(false);
    const registry = knowing(
      nodeAt('dead', await deadAddress()),
      nodeAt('silent', dropping.address),
      nodeAt('alive', addressOf(alive)),
    );
    const { client } = world.caller({ registry });
    const to = client.of(Shop, 'greeter');
    for (let n = 0; n < 50; n++) expect(await to.buy({ n })).toEqual({ node: 'alive' });
    for (let n = 0; n < 20; n++) for await (const { node } of to.list({ n })) expect(node).toBe('alive');
    expect(ran.filter((what) => what === 'alive buy')).toHaveLength(50);
    expect(ran.filter((what) => what === 'alive list')).toHaveLength(20);
    expect(dropping.connections()).toBeGreaterThan(0);
  });

  test('what may have run is not repeated: the connection was lost on the way', async () => {
    await using world = createWorld();
    const dropping = await droppingAddress(true);
    const { client } = world.caller({ registry: knowing(nodeAt('lost', dropping.address)) });
    await expect(client.of(Shop, 'greeter').buy({ n: 1 })).rejects.toMatchObject({
      code: 503,
      unexecuted: false,
      detail: expect.stringContaining('greeter Shop.Buy at lost:'),
    });
    expect(dropping.connections()).toBe(1);
  });

  test('an endpoint that is marked idempotent is repeated in that case too', async () => {
    await using world = createWorld();
    const ran: string[] = [];
    const dropping = await droppingAddress(true);
    const alive = await shop(world, 'alive', ran);
    const registry = knowing(nodeAt('lost', dropping.address), nodeAt('alive', addressOf(alive)));
    const strategy = (nodes: readonly Node[]): Node => nodes[0] as Node;
    const to = world.caller({ registry }).client.of(Shop, 'greeter');
    expect(await to.look({ n: 1 }, { strategy })).toEqual({ node: 'alive' });
    await expect(to.buy({ n: 1 }, { strategy })).rejects.toMatchObject({ code: 503, unexecuted: false });
    expect(ran).toEqual(['alive look']);
  });

  test.each([
    ['throws', () => new Error('broken')],
    ['says 503 itself', () => new MicroError({ code: CODE.unavailable, detail: 'my database is away' })],
    ['says 408 itself', () => new MicroError({ code: CODE.timeout, detail: 'my database is slow' })],
    ['says 429 itself', () => new MicroError({ code: CODE.tooManyRequests, detail: 'slow down' })],
  ])('a handler that %s is run once', async (_, fail) => {
    await using world = createWorld();
    const ran: string[] = [];
    const nodes = await Promise.all(['a', 'b'].map((id) => shop(world, id, ran, fail)));
    const registry = knowing(...nodes.map((node, index) => nodeAt(`n${index}`, addressOf(node))));
    const to = world.caller({ registry }).client.of(Shop, 'greeter');
    await expect(to.buy({ n: 1 })).rejects.toBeInstanceOf(MicroError);
    await expect(to.look({ n: 1 }).catch(() => 'failed')).resolves.toBe('failed');
    await expect(to.list({ n: 1 })[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(MicroError);
    expect(ran.filter((what) => what.endsWith('buy'))).toHaveLength(1);
    expect(ran.filter((what) => what.endsWith('list'))).toHaveLength(1);
  });
});

describe('a call says', () => {
  test('how often it is repeated, and 0 is never', async () => {
    await using world = createWorld();
    const registry = knowing(nodeAt('dead', await deadAddress()));
    const attempts: number[] = [];
    const retry = (error: Error, attempt: number): boolean => {
      attempts.push(attempt);
      return error instanceof MicroError && error.unexecuted;
    };
    const to = world.caller({ registry }).client.of(Shop, 'greeter');
    for (const [retries, expected] of [
      [0, []],
      [1, [1]],
      [undefined, [1, 2, 3]],
      [5, [1, 2, 3, 4, 5]],
    ] as const) {
      attempts.length = 0;
      await expect(to.buy({ n: 1 }, { retries, retry, backoff: () => 1 })).rejects.toMatchObject({
        code: 503,
        unexecuted: true,
      });
      expect(attempts).toEqual(expected);
    }
  });

  test('how long the pauses are, and they end with its time or its signal', async () => {
    await using world = createWorld();
    const registry = knowing(nodeAt('dead', await deadAddress()));
    const to = world.caller({ registry }).client.of(Shop, 'greeter');
    const asked: number[] = [];
    const backoff = (attempt: number): number => {
      asked.push(attempt);
      return 30;
    };
    const begun = performance.now();
    await expect(to.buy({ n: 1 }, { backoff })).rejects.toMatchObject({ code: 503 });
    expect(asked).toEqual([2, 3, 4]);
    expect(performance.now() - begun).toBeGreaterThan(85);
    // A pause that would outlast the call is not begun: the error that is known says more than a timeout.
    await expect(to.buy({ n: 1 }, { timeoutMs: 2_000, backoff: () => 60_000 })).rejects.toMatchObject({ code: 503 });
    const controller = new AbortController();
    const call = to.buy({ n: 1 }, { timeoutMs: 0, backoff: () => 60_000, signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await expect(call).rejects.toMatchObject({ code: 499 });
  });

  test('that go-micro’s policy holds, which runs handlers again', async () => {
    await using world = createWorld();
    const ran: string[] = [];
    let failures = 2;
    const fail = (): Error | undefined => (failures-- > 0 ? new Error('broken') : undefined);
    const nodes = await Promise.all(['a', 'b'].map((id) => shop(world, id, ran, fail)));
    const registry = knowing(...nodes.map((node, index) => nodeAt(`n${index}`, addressOf(node))));
    const to = world.caller({ registry }).client.of(Shop, 'greeter');
    await to.buy({ n: 1 }, { retry: retryOnError });
    expect(ran).toHaveLength(3);
    // The second attempt is on another node than the first.
    expect(new Set(ran.slice(0, 2)).size).toBe(2);
    failures = 100;
    ran.length = 0;
    const eager = world.caller({ registry, client: { retry: retryOnError, retries: 1 } }).client.of(Shop, 'greeter');
    await expect(eager.buy({ n: 1 })).rejects.toMatchObject({ code: 500, detail: 'broken' });
    expect(ran).toHaveLength(2);
    ran.length = 0;
    failures = 0;
    const refusing = (): Error => new MicroError({ code: CODE.badRequest, detail: 'no' });
    const strict = await shop(world, 'strict', ran, refusing);
    const toStrict = world
      .caller({ registry: knowing(nodeAt('strict', addressOf(strict))) })
      .client.of(Shop, 'greeter');
    await expect(toStrict.buy({ n: 1 }, { retry: retryOnError })).rejects.toMatchObject({ code: 400 });
    expect(ran).toHaveLength(1);
  });

  test('the addresses that it may go to, and those that fail are left out', async () => {
    await using world = createWorld();
    const ran: string[] = [];
    const nodes = await Promise.all(['a', 'b'].map((id) => shop(world, id, ran)));
    const dead = await deadAddress();
    const { client } = world.caller({ registry: memoryRegistry() });
    const to = client.of(Shop, 'nobody is registered under this name');
    const [a = '', b = ''] = nodes.map(addressOf);
    expect(await to.buy({ n: 1 }, { address: a })).toEqual({ node: 'a' });
    const seen = new Set<string>();
    for (let n = 0; n < 60; n++) seen.add((await to.buy({ n }, { address: [a, dead, b], backoff: () => 1 })).node);
    expect(seen).toEqual(new Set(['a', 'b']));
    expect(ran).toHaveLength(61);
    await expect(to.buy({ n: 1 }, { address: dead })).rejects.toMatchObject({
      code: 503,
      detail: expect.stringContaining(dead),
    });
    await expect(to.buy({ n: 1 }, { address: [] })).rejects.toMatchObject({
      code: 400,
      detail: 'the list of addresses to call is empty',
    });
    await expect(to.buy({ n: 1 }, { address: 'nonsense' })).rejects.toMatchObject({
      code: 400,
      detail: expect.stringContaining('"nonsense"'),
    });
  });
});

test('that a call further down was refused does not make the handler that made it run again', async () => {
  await using world = createWorld();
  const ran: string[] = [];
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const last = await world.start({ name: 'last', registry: memoryRegistry() }, ({ server }) =>
    server.handle('Last', {
      async go() {
        ran.push('last');
        await held;
      },
    }),
  );
  const registry = memoryRegistry();
  await registry.register({
    name: 'last',
    version: '1',
    metadata: {},
    endpoints: [],
    nodes: [nodeAt('last', addressOf(last))],
  });
  const middle = await world.start({ name: 'middle', registry }, ({ server, client }) =>
    server.handle('Middle', {
      async go() {
        ran.push('middle');
        return client.call({ service: 'last', endpoint: 'Last.Go' }, { retries: 1, backoff: () => 1 });
      },
    }),
  );
  const { client } = world.caller({ registry });
  const first = client.call({ service: 'last', endpoint: 'Last.Go' }, { timeoutMs: 15_000 });
  await eventually(() => expect(ran).toEqual(['last']));
  const stopping = last.stop();
  await eventually(() => expect(last.server.status).toBe('stopping'));
  await expect(client.call({ service: 'middle', endpoint: 'Middle.Go' })).rejects.toMatchObject({
    code: 503,
    unexecuted: false,
  });
  expect(ran).toEqual(['last', 'middle']);
  release();
  await first;
  await stopping;
  expect(addressOf(middle)).not.toBe('');
});

test('a stream that has begun to answer is not repeated', async () => {
  await using world = createWorld();
  let ran = 0;
  const service = await world.start({ registry: memoryRegistry() }, ({ server }) =>
    server.handle(defineService('Shop', { list: serverStream<unknown, unknown>() }) satisfies Definition, {
      async *list() {
        ran += 1;
        yield { n: 1 };
        throw new Error('broken in the middle');
      },
    }),
  );
  const registry = knowing(nodeAt('a', addressOf(service)));
  const to = world.caller({ registry, client: { retry: () => true } }).client.of(Shop, 'greeter');
  const read: unknown[] = [];
  const reading = (async () => {
    for await (const each of to.list({ n: 1 })) read.push(each);
  })();
  await expect(reading).rejects.toMatchObject({ code: 500, detail: 'broken in the middle' });
  expect(read).toEqual([{ n: 1 }]);
  expect(ran).toBe(1);
});

test('a service that nobody runs is a 404 at once, and one without a usable node is a 503', async () => {
  await using world = createWorld();
  const { client } = world.caller();
  await expect(client.call({ service: 'nobody', endpoint: 'A.B' })).rejects.toMatchObject({
    code: 404,
    detail: expect.stringContaining("'nobody'"),
  });
  const { client: other } = world.caller({ registry: knowing(nodeAt('a', '127.0.0.1:1')) });
  await expect(
    other.call({ service: 'greeter', endpoint: 'A.B' }, { filters: [() => []], backoff: () => 1 }),
  ).rejects.toMatchObject({ code: 503 });
});
