import { freeUdpPort } from '@micro/test-servers';
import { describe, expect, test } from 'vitest';
import { eventually } from '../../src/conformance/eventually.ts';
import type { Client } from '../../src/contract/client.ts';
import type { Service } from '../../src/contract/service.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';
import { mdnsRegistry } from '../../src/registry/mdns-registry.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';
import { createService } from '../../src/service/create-service.ts';
import { httpTransport } from '../../src/transport/http-transport.ts';
import { memoryTransport } from '../../src/transport/memory-transport.ts';
import { children, stopped, told } from './child-process.ts';

const CALLS_PER_SECOND = 2_000;
/** Far more than are under way at once, unless the machine answers fewer a second: then calls would wait without a limit. */
const MOST_RUNNING = 2_000;

interface Failure {
  readonly error: unknown;
  readonly startedAt: number;
}

interface Load {
  /** How many calls each node answered. */
  readonly answers: ReadonlyMap<string, number>;
  readonly failures: readonly Failure[];
  readonly wrong: number;
  readonly count: number;
  /** Calls no more and waits for the calls that are under way. */
  end(): Promise<void>;
}

/** Calls with the default options, so many times a second however long each call takes. */
function load(client: Client, endpoint = 'Echo.Say'): Load {
  const answers = new Map<string, number>();
  const failures: Failure[] = [];
  const running = new Set<Promise<void>>();
  const begun = performance.now();
  let count = 0;
  let wrong = 0;
  const call = async (number: number): Promise<void> => {
    const startedAt = performance.now();
    try {
      const answer = await client.call({ service: 'echo', endpoint, body: { number } });
      const { number: back, node } = answer as { number: number; node: string };
      if (back !== number) wrong += 1;
      answers.set(node, (answers.get(node) ?? 0) + 1);
    } catch (error) {
      failures.push({ error, startedAt });
    }
  };
  const timer = setInterval(() => {
    // What a busy machine could not send in time is not sent all at once later.
    const due = Math.min(((performance.now() - begun) / 1_000) * CALLS_PER_SECOND, count + 100);
    while (count < due && running.size < MOST_RUNNING) {
      const one = call(count++).finally(() => running.delete(one));
      running.add(one);
    }
  }, 5);
  return {
    answers,
    failures,
    get wrong() {
      return wrong;
    },
    get count() {
      return count;
    },
    async end() {
      clearInterval(timer);
      await Promise.all(running);
    },
  };
}

/** A busy machine may answer later than a lookup waits; the load begins when the nodes can be found. */
async function found(client: Client): Promise<void> {
  await eventually(() => client.call({ service: 'echo', endpoint: 'Echo.Say', body: { number: 0 } }), {
    timeoutMs: 15_000,
  });
}

async function answersFrom(calls: Load, id: string): Promise<void> {
  const before = calls.answers.get(id) ?? 0;
  await eventually(() => expect(calls.answers.get(id) ?? 0).toBeGreaterThan(before + 10), { timeoutMs: 15_000 });
}

const IDS = ['a', 'b', 'c'];

describe('three processes that find each other by multicast DNS', () => {
  test('are restarted one after the other under load, and no call fails', async () => {
    await using processes = children();
    const port = await freeUdpPort();
    const nodes = new Map(IDS.map((id) => [id, processes.start('echo-node.mjs', String(port), id)]));
    for (const node of nodes.values()) await told(node);
    await using caller = createService({
      name: 'caller',
      registry: mdnsRegistry({ interface: '127.0.0.1', port }),
      logger: silentLogger(),
    });
    await found(caller.client);
    const calls = load(caller.client);
    for (const id of IDS) await answersFrom(calls, id);
    for (const [id, node] of nodes) {
      expect(await stopped(node, 'SIGTERM')).toBe(0);
      const next = `${id}-again`;
      await told(processes.start('echo-node.mjs', String(port), next));
      await answersFrom(calls, next);
    }
    await calls.end();
    expect(calls.failures.map(({ error }) => String(error))).toEqual([]);
    expect(calls.wrong).toBe(0);
    expect(calls.count).toBeGreaterThan(1_000);
  }, 90_000);

  test('lose one to kill -9, and only calls that were on it fail and say so', async () => {
    await using processes = children();
    const port = await freeUdpPort();
    const nodes = new Map(IDS.map((id) => [id, processes.start('echo-node.mjs', String(port), id)]));
    for (const node of nodes.values()) await told(node);
    await using caller = createService({
      name: 'caller',
      registry: mdnsRegistry({ interface: '127.0.0.1', port }),
      logger: silentLogger(),
    });
    await found(caller.client);
    const quick = load(caller.client);
    for (const id of IDS) await answersFrom(quick, id);
    const slow = load(caller.client, 'Echo.Slow');
    for (const id of IDS) await answersFrom(slow, id);
    await stopped(nodes.get('a') as never, 'SIGKILL');
    for (const id of ['b', 'c']) {
      await answersFrom(quick, id);
      await answersFrom(slow, id);
    }
    // Once the loss is known, nobody is sent there any more.
    const firstKnownAt = performance.now();
    for (const id of ['b', 'c', 'b', 'c']) await answersFrom(quick, id);
    await Promise.all([quick.end(), slow.end()]);

    const failures = [...quick.failures, ...slow.failures];
    expect(slow.failures.length).toBeGreaterThan(0);
    for (const { error, startedAt } of failures) {
      expect(error).toBeInstanceOf(MicroError);
      expect(error).toMatchObject({
        code: 503,
        unexecuted: false,
        detail: expect.stringMatching(/echo Echo\.(Say|Slow) at echo-a: .*may have been executed/),
      });
      expect(startedAt).toBeLessThan(firstKnownAt);
    }
    expect(quick.wrong + slow.wrong).toBe(0);
  }, 90_000);
});

describe.each([
  ['http transport', () => () => httpTransport()],
  [
    'memory transport',
    () => {
      const shared = memoryTransport();
      return () => shared;
    },
  ],
] as const)('three nodes in one process, over the %s and a memory registry,', (_, transports) => {
  test('are restarted one after the other under load, and no call fails', async () => {
    const registry = memoryRegistry();
    const transport = transports();
    const logger = silentLogger();
    const start = async (id: string): Promise<Service> => {
      const service = createService({
        name: 'echo',
        id,
        registry,
        transport: transport(),
        logger,
        server: { address: '127.0.0.1:0' },
      });
      service.server.handle('Echo', {
        async say({ number }: { number: number }) {
          await new Promise((resolve) => setTimeout(resolve, number % 3));
          return { number, node: id };
        },
      });
      await service.start();
      return service;
    };
    const nodes = await Promise.all(IDS.map(start));
    await using caller = createService({ name: 'caller', registry, transport: transport(), logger });
    const calls = load(caller.client);
    for (let round = 0; round < 2; round++) {
      for (const [index, node] of nodes.entries()) {
        const before = calls.count;
        await node.stop();
        const id = `${IDS[index]}-${round}`;
        nodes[index] = await start(id);
        await answersFrom(calls, id);
        expect(calls.count).toBeGreaterThan(before);
      }
    }
    await calls.end();
    expect(calls.failures.map(({ error }) => String(error))).toEqual([]);
    expect(calls.wrong).toBe(0);
    await Promise.all(nodes.map((node) => node.stop()));
  }, 60_000);

  test('are started again as they are, the same service objects, and no call fails', async () => {
    const registry = memoryRegistry();
    const transport = transports();
    const nodes = IDS.map((id) => {
      const service = createService({
        name: 'echo',
        id,
        registry,
        transport: transport(),
        logger: silentLogger(),
        server: { address: '127.0.0.1:0' },
      });
      service.server.handle('Echo', { say: ({ number }: { number: number }) => ({ number, node: id }) });
      return service;
    });
    await Promise.all(nodes.map((node) => node.start()));
    await using caller = createService({ name: 'caller', registry, transport: transport(), logger: silentLogger() });
    const calls = load(caller.client);
    for (const [index, node] of nodes.entries()) {
      await node.stop();
      await node.start();
      await answersFrom(calls, IDS[index] as string);
    }
    await calls.end();
    expect(calls.failures.map(({ error }) => String(error))).toEqual([]);
    await Promise.all(nodes.map((node) => node.stop()));
  }, 60_000);
});
