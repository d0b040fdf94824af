import { CODE } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { createNamespace, missingNamespace, missingServer, startRedis } from '@micro/test-servers';
import { describe, expect, test } from 'vitest';
import { redisStore } from '../../src/index.ts';
import { linesLogger, lostOf, putLoad, took } from '../load.ts';

const missing = missingServer('redis');
const FREEZE_MS = 20_000;
const TIMEOUT_MS = 2_000;
/** What a busy machine adds to a deadline. With it, that is still sooner than the usual one. */
const SLACK_MS = 2_500;
const LONG = { timeout: 90_000 };

describe
  .skipIf(missing !== undefined)
  .concurrent(`a server that is silent${missing === undefined ? '' : ` (skipped: ${missing})`}`, LONG, () => {
    test('calls of a server that is frozen for 20 seconds end within their deadlines, and work when it thaws', async () => {
      await using server = await startRedis({ appendOnly: true });
      const logger = linesLogger();
      const store = redisStore({ url: server.url, logger, timeoutMs: TIMEOUT_MS });
      const load = putLoad(store);
      await load.works();
      server.freeze();
      await new Promise((resolve) => setTimeout(resolve, FREEZE_MS));
      expect(load.failures.length).toBeGreaterThan(8);
      expect(load.failures.some(({ error }) => error.code === CODE.timeout)).toBe(true);
      for (const { error, tookMs } of load.failures) {
        expect([CODE.timeout, CODE.unavailable]).toContain(error.code);
        expect(error.detail).toContain(server.address);
        expect(tookMs).toBeLessThan(TIMEOUT_MS + SLACK_MS);
      }
      server.thaw();
      took('after the freeze', await load.works());
      await load.stop();
      expect(await lostOf(store, load)).toEqual([]);
      expect(logger.lines).toHaveLength(2);
      expect(logger.lines[1]).toContain('is back after');
      await store.close();
    });

    test('a frozen server keeps no close from returning', async () => {
      await using server = await startRedis();
      const store = redisStore({ url: server.url, timeoutMs: 20_000 });
      await store.write({ key: 'a', value: Buffer.from('x') });
      server.freeze();
      const writing = store.write({ key: 'a', value: Buffer.from('y') });
      const refused = expect(writing).rejects.toMatchObject({ code: CODE.unavailable });
      await new Promise((resolve) => setTimeout(resolve, 50));
      const begun = performance.now();
      await store.close();
      expect(performance.now() - begun).toBeLessThan(4_000);
      await refused;
      server.thaw();
    });
  });

const noNamespace = missing ?? missingNamespace();

describe.skipIf(noNamespace !== undefined)(
  `a network that fails${noNamespace === undefined ? '' : ` (skipped: ${noNamespace})`}`,
  LONG,
  () => {
    test('calls end within their deadlines while the network is cut, and work when it is back', async () => {
      const namespace = await createNamespace();
      try {
        await using server = await startRedis({ appendOnly: true, namespace });
        const logger = linesLogger();
        const store = redisStore({ url: server.url, logger, timeoutMs: TIMEOUT_MS });
        const load = putLoad(store);
        await load.works();
        await namespace.partition();
        await eventually(() => expect(load.failures.some(({ error }) => error.code === CODE.unavailable)).toBe(true), {
          timeoutMs: 20_000,
        });
        for (const { error, tookMs } of load.failures) {
          expect(error.detail).toContain(server.address);
          expect(tookMs).toBeLessThan(TIMEOUT_MS + SLACK_MS);
        }
        await namespace.heal();
        took('after the partition', await load.works());
        await load.stop();
        expect(await lostOf(store, load)).toEqual([]);
        expect(logger.lines).toHaveLength(2);
        await store.close();
      } finally {
        await namespace.close();
      }
    });
  },
);
