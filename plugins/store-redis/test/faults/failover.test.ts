import { CODE } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { missingServer, startRedisCluster, startRedisSentinel } from '@micro/test-servers';
import { describe, expect, test } from 'vitest';
import { redisStore } from '../../src/index.ts';
import { linesLogger, lostOf, putLoad, took } from '../load.ts';

const missing = missingServer('redis');
const TIMEOUT_MS = 2_000;
/** What a busy machine adds to a deadline. With it, that is still sooner than the usual one. */
const SLACK_MS = 2_500;
const LONG = { timeout: 150_000 };

describe
  .skipIf(missing !== undefined)
  .concurrent(`a master that dies${missing === undefined ? '' : ` (skipped: ${missing})`}`, LONG, () => {
    test('sentinels choose another one, and the store goes on with it', async () => {
      await using system = await startRedisSentinel();
      const logger = linesLogger();
      const url = system.sentinels.map(({ address }) => `redis+sentinel://${address}/${system.name}`);
      const store = redisStore({ url, logger });
      const load = putLoad(store);
      await load.works();
      const master = await system.master();
      await master.kill();
      took('after the master of the sentinels was killed', await load.works());
      for (const { error } of load.failures) expect(error.detail).toContain(`the redis master "${system.name}"`);
      const after = await system.master();
      expect(after.address).not.toBe(master.address);
      expect(logger.lines).toHaveLength(2);
      expect(logger.lines[1]).toContain(`at ${after.address} is back after`);

      // The old master comes back as a replica, which takes no writes.
      await master.start();
      await load.works();
      await load.stop();
      expect(logger.lines).toHaveLength(2);
      await store.close();
    });

    test('a cluster without a replica of it fails its keys with its name, serves the others, and all of them when it is back', async () => {
      await using cluster = await startRedisCluster({
        appendOnly: true,
        args: ['--cluster-require-full-coverage', 'no'],
      });
      const logger = linesLogger();
      const store = redisStore({ url: cluster.urls, logger, timeoutMs: TIMEOUT_MS });
      const load = putLoad(store);
      await load.works();
      const [dead] = cluster.servers;
      if (dead === undefined) throw new Error('a cluster without servers');
      await dead.kill();
      await eventually(() => expect(load.failures.length).toBeGreaterThan(20), { timeoutMs: 20_000 });
      await load.works();
      for (const { error, tookMs } of load.failures) {
        expect([CODE.unavailable, CODE.timeout]).toContain(error.code);
        expect(error.detail).toContain(`node ${dead.address} of the redis cluster`);
        expect(tookMs).toBeLessThan(TIMEOUT_MS + SLACK_MS);
      }
      await expect(store.list()).rejects.toMatchObject({
        code: CODE.unavailable,
        detail: expect.stringContaining(dead.address),
      });
      expect(logger.lines).toHaveLength(1);
      expect(logger.lines[0]).toContain(`has lost its node ${dead.address}: `);
      await dead.start();
      const from = performance.now();
      await cluster.settled();
      await eventually(() => store.list(), { timeoutMs: 20_000 });
      took('after the dead master of a cluster was back', performance.now() - from);
      await load.works();
      await load.stop();
      expect(await lostOf(store, load)).toEqual([]);
      expect(logger.lines).toHaveLength(2);
      expect(logger.lines[1]).toContain(`has its node ${dead.address} back after`);
      await store.close();
    });

    test('a cluster with a replica of it goes on with that', async () => {
      await using cluster = await startRedisCluster({ replicas: 1 });
      const logger = linesLogger();
      const store = redisStore({ url: cluster.urls, logger });
      const load = putLoad(store);
      await load.works();
      const [dead] = await cluster.masters();
      if (dead === undefined) throw new Error('a cluster without masters');
      await dead.kill();
      const from = performance.now();
      await cluster.settled();
      await load.works();
      const keys = await eventually(() => store.list(), { timeoutMs: 20_000 });
      took('after a master of a cluster was killed', performance.now() - from);
      await load.stop();
      expect(keys.length).toBeGreaterThan(10);
      expect(logger.lines.filter((line) => line.includes('has lost its node'))).toHaveLength(1);
      expect(logger.lines).toHaveLength(2);
      await store.close();
    });
  });
