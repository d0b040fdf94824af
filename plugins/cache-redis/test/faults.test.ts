import { type Cache, CODE, MicroError } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { createNamespace, missingNamespace, missingServer, startRedis, startRedisCluster } from '@micro/test-servers';
import { describe, expect, test } from 'vitest';
import { redisCache } from '../src/index.ts';

const missing = missingServer('redis');
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;

/** Keeps asking, and tells how it went. */
function asking(cache: Cache): {
  readonly failures: MicroError[];
  readonly slowest: () => number;
  stop(): Promise<void>;
} {
  const failures: MicroError[] = [];
  let slowest = 0;
  let isOn = true;
  const ask = async (asker: number): Promise<void> => {
    for (let count = 0; isOn; count++) {
      const begun = performance.now();
      const asked = count % 2 === 0 ? cache.get(`k${asker}-${count}`) : cache.put(`k${asker}-${count}`, count);
      await asked.catch((error: unknown) => {
        if (!(error instanceof MicroError)) throw error;
        failures.push(error);
      });
      slowest = Math.max(slowest, performance.now() - begun);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const asked = Array.from({ length: 8 }, (_, asker) => ask(asker));
  return {
    failures,
    slowest: () => slowest,
    async stop() {
      isOn = false;
      await Promise.all(asked);
    },
  };
}

describe
  .skipIf(missing !== undefined)
  .concurrent(`a cache whose server is not there${skipped}`, { timeout: 90_000 }, () => {
    test('a restart under load is bridged', async () => {
      await using server = await startRedis();
      // Longer than a restart takes on a busy machine.
      const cache = redisCache({ url: server.url, timeoutMs: 20_000, patienceMs: 20_000 });
      const load = asking(cache);
      await eventually(() => cache.get('a'));
      await server.restart();
      await cache.get('a');
      await load.stop();
      expect(load.failures).toEqual([]);
      await cache.close();
    });

    test('a server that was killed costs a second once, and then nothing', async () => {
      await using server = await startRedis();
      const cache = redisCache({ url: server.url });
      const load = asking(cache);
      await cache.get('a');
      await server.kill();
      await eventually(() => expect(load.failures.length).toBeGreaterThan(50), { timeoutMs: 20_000 });
      expect(load.slowest()).toBeLessThan(4_000);
      for (const { code, detail } of load.failures) {
        expect(code).toBe(CODE.unavailable);
        expect(detail).toContain(`redis at ${server.address} cannot be reached`);
      }
      const begun = performance.now();
      await expect(cache.get('a')).rejects.toMatchObject({ code: CODE.unavailable });
      expect(performance.now() - begun).toBeLessThan(500);
      await server.start();
      await eventually(() => cache.put('a', 'x'));
      await load.stop();
      await cache.close();
    });

    test('a frozen server ends calls within their deadline, and answers when it thaws', async () => {
      await using server = await startRedis();
      const cache = redisCache({ url: server.url, timeoutMs: 500 });
      // To connect may take longer than that.
      await eventually(() => cache.put('a', 'x'));
      server.freeze();
      const begun = performance.now();
      await expect(cache.get('a')).rejects.toMatchObject({ code: CODE.timeout });
      await expect(cache.put('a', 'y')).rejects.toMatchObject({ id: 'go.micro.cache' });
      expect(performance.now() - begun).toBeLessThan(4_000);
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      server.thaw();
      await eventually(() => cache.get('a'));
      await cache.close();
    });

    test('a dead master of a cluster fails its keys with its name, and the others work', async () => {
      await using cluster = await startRedisCluster({ args: ['--cluster-require-full-coverage', 'no'] });
      const cache = redisCache({ url: cluster.urls });
      const keys = Array.from({ length: 30 }, (_, index) => `k${index}`);
      await Promise.all(keys.map((key) => cache.put(key, key)));
      const [dead] = cluster.servers;
      if (dead === undefined) throw new Error('a cluster without servers');
      await dead.kill();
      const outcomes = await Promise.allSettled(keys.map((key) => cache.get(key)));
      const failed = outcomes.filter(({ status }) => status === 'rejected');
      expect(failed.length).toBeGreaterThan(0);
      expect(failed.length).toBeLessThan(30);
      for (const outcome of failed) {
        expect(outcome).toMatchObject({
          reason: { detail: expect.stringContaining(`node ${dead.address} of the redis cluster`) },
        });
      }
      await dead.start();
      await eventually(() => Promise.all(keys.map((key) => cache.put(key, key))), { timeoutMs: 20_000 });
      await cache.close();
    });
  });

const noNamespace = missing ?? missingNamespace();

describe.skipIf(noNamespace !== undefined)(
  `a cache behind a network that fails${noNamespace === undefined ? '' : ` (skipped: ${noNamespace})`}`,
  () => {
    test('calls end within their deadline, and work when the network does', async () => {
      const namespace = await createNamespace();
      try {
        await using server = await startRedis({ namespace });
        const cache = redisCache({ url: server.url, timeoutMs: 500 });
        // To connect may take longer than that.
        await eventually(() => cache.put('a', 'x'));
        await namespace.partition();
        for (let times = 0; times < 4; times++) {
          const begun = performance.now();
          await expect(cache.get('a')).rejects.toMatchObject({ detail: expect.stringContaining(server.address) });
          expect(performance.now() - begun).toBeLessThan(3_000);
        }
        await namespace.heal();
        await eventually(() => cache.get('a'), { timeoutMs: 15_000 });
        await cache.close();
      } finally {
        await namespace.close();
      }
    });
  },
);
