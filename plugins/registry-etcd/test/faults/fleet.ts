import { createService, type Registry, type Service } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { expect } from 'vitest';
import { etcdRegistry } from '../../src/index.ts';
import { follow, greeter, ids, keepingLogger } from '../support.ts';

/** What makes a fleet. */
export interface FleetOptions {
  readonly hosts: string | readonly string[];
  /** Of each service, in milliseconds. Default 60,000. */
  readonly ttlMs?: number | undefined;
}

/** How many services of one name run. */
const SIZE = 3;
const INTERVAL_MS = 5_000;
const TIMEOUT_MS = 5_000;
/** What a busy machine adds to a deadline. */
const SLACK_MS = 5_000;

/** Something that went wrong while etcd was away, and how long it took to. */
interface Failure {
  readonly code: unknown;
  readonly detail: string;
  readonly tookMs: number;
}

/**
 * Services that are called all the time, nodes that come and go, and a watcher, on one etcd. Whatever is done to etcd, the
 * calls go on; what needs etcd fails in time and says where; and everything is as before when etcd is back.
 */
export async function startFleet({ hosts, ttlMs = 60_000 }: FleetOptions) {
  const loggers: ReturnType<typeof keepingLogger>[] = [];
  const open = (): Registry => {
    const logger = keepingLogger();
    loggers.push(logger);
    return etcdRegistry({ hosts, timeoutMs: TIMEOUT_MS, graceMs: 10_000, logger });
  };
  const logger = keepingLogger();

  const start = async (number: number): Promise<Service> => {
    const service = createService({
      name: 'greeter',
      id: String(number),
      registry: open(),
      logger,
      server: { address: '127.0.0.1:0', registerTtlMs: ttlMs, registerIntervalMs: INTERVAL_MS },
    });
    service.server.handle('Greeter', { hello: ({ name }: { name: string }) => ({ msg: `Hello ${name}` }) });
    await service.start();
    return service;
  };
  const services = await Promise.all(Array.from({ length: SIZE }, (_, number) => start(number)));
  const names = services.map((_, number) => `greeter-${number}`);
  const caller = createService({ name: 'caller', registry: open(), logger });
  const call = () => caller.client.call({ service: 'greeter', endpoint: 'Greeter.Hello', body: { name: 'Ann' } });
  await call();

  const watcher = open();
  const watch = follow(watcher);
  const churner = open();
  const probe = greeter({ id: 'probe', address: '127.0.0.1:1', metadata: {} });
  await eventually(
    async () => {
      await churner.register(probe);
      await churner.deregister(probe);
      expect(watch.texts).toContain('delete probe');
    },
    { timeoutMs: 30_000 },
  );

  let running = true;
  let calls = 0;
  /** What calls failed with, and how often. */
  const failedCalls = new Map<string, number>();
  const calling = (async () => {
    while (running) {
      await Promise.all(
        Array.from({ length: 3 }, () =>
          call().then(
            () => calls++,
            (error: unknown) => failedCalls.set(String(error), (failedCalls.get(String(error)) ?? 0) + 1),
          ),
        ),
      );
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();

  const failures: Failure[] = [];
  let churned = 0;
  const attempt = async (run: () => Promise<unknown>): Promise<void> => {
    const begun = performance.now();
    try {
      await run();
      churned++;
    } catch (error) {
      const { code, detail } = Object(error) as { readonly code: unknown; readonly detail: string };
      failures.push({ code, detail: String(detail), tookMs: performance.now() - begun });
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const churning = (async () => {
    for (let number = 0; running; number++) {
      const record = greeter({
        id: `churn-${number % 10}`,
        address: `127.0.0.1:${1 + (number % 60_000)}`,
        metadata: {},
      });
      await attempt(() => churner.register({ ...record, name: 'churn' }, { ttlMs: 120_000 }));
      await attempt(async () => churner.getService('churn'));
      if (number % 3 === 0) await attempt(() => churner.deregister({ ...record, name: 'churn' }));
    }
  })();

  /** What the watcher believes is there. */
  const believed = (): readonly string[] => {
    const there = new Map<string, string>();
    for (const { action, service } of watch.events) {
      for (const { id, address } of service.nodes) {
        if (action === 'delete') there.delete(id);
        else there.set(id, `${id} ${address}`);
      }
    }
    return [...there.values()].filter((text) => text.startsWith('churn')).sort();
  };

  return {
    failures,
    get failedCallCount() {
      return [...failedCalls.values()].reduce((sum, count) => sum + count, 0);
    },
    get calls() {
      return calls;
    },

    /** Until all services are found in etcd, from now on, in milliseconds. */
    async backAfter(timeoutMs = 60_000): Promise<number> {
      const begun = performance.now();
      // Without a majority, less than half of that is left for the one member that answers.
      const registry = etcdRegistry({ hosts, timeoutMs: TIMEOUT_MS });
      try {
        await eventually(async () => expect(ids(await registry.getService('greeter'))).toEqual(names), { timeoutMs });
      } finally {
        await registry.close();
      }
      return performance.now() - begun;
    },

    /** Until nodes can be registered again and the watcher sees it, from now on, in milliseconds. */
    async seenAfter(timeoutMs = 60_000): Promise<number> {
      const begun = performance.now();
      const before = watch.events.length;
      const churnedBefore = churned;
      await eventually(
        () => {
          expect(churned).toBeGreaterThan(churnedBefore + 3);
          expect(watch.events.length).toBeGreaterThan(before);
        },
        { timeoutMs },
      );
      return performance.now() - begun;
    },

    /** Ends the load and looks at what it has been through. `mayMiss`: there was a time when no service was registered. */
    async finish({ mayMiss = false } = {}): Promise<void> {
      running = false;
      await Promise.all([calling, churning]);
      expect(watch.failure).toBeUndefined();
      await eventually(
        async () => {
          const actual = (await churner.getService('churn')).flatMap(({ nodes }) => nodes);
          expect(believed()).toEqual(actual.map(({ id, address }) => `${id} ${address}`).sort());
        },
        { timeoutMs: 45_000 },
      );
      for (const { code, detail, tookMs } of failures) {
        expect(detail).toMatch(/ etcd at .*:\d+/);
        expect([408, 503]).toContain(code);
        expect(tookMs).toBeLessThan(TIMEOUT_MS + SLACK_MS);
      }
      if (!mayMiss) expect([...failedCalls]).toEqual([]);
      expect(calls).toBeGreaterThan(10);
      // A caller that was told of every end hears of the new beginnings a moment after they are in etcd.
      await (mayMiss ? eventually(call, { timeoutMs: 15_000 }) : call());
    },

    /** Each registry told one line when etcd was lost and one when it was back; or none, when it had not noticed. */
    async toldOnce(): Promise<void> {
      const told = () =>
        loggers.map(({ lines }) => lines.map(({ message }) => message.replace(/^etcd at \S+ /, '')).join(', '));
      await eventually(
        () => {
          for (const each of told()) expect(['', 'cannot be reached, is reached again']).toContain(each);
        },
        { timeoutMs: 30_000 },
      );
      if (failures.length > 0) expect(told()).toContain('cannot be reached, is reached again');
    },

    async close(): Promise<void> {
      running = false;
      await Promise.all([calling, churning]);
      await watch.stop();
      await Promise.all([...services, caller].map((service) => service.stop()));
      await Promise.all([watcher, churner].map((registry) => registry.close()));
    },
  };
}

/** Shows what was measured, when it is asked for with `MICRO_TIMES=1`. */
export function showTimes(
  what: string,
  times: Readonly<Record<string, number>>,
  fleet: Awaited<ReturnType<typeof startFleet>>,
): void {
  if (process.env.MICRO_TIMES === undefined) return;
  const texts = Object.entries(times).map(([name, ms]) => `${name} after ${Math.round(ms)} ms`);
  const calls = `${fleet.failedCallCount} of ${fleet.calls + fleet.failedCallCount} calls failed`;
  console.log(`${what}: ${texts.join(', ')}, ${calls}, ${fleet.failures.length} questions failed`);
}
