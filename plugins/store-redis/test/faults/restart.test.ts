import { CODE } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { missingServer, startRedis } from '@micro/test-servers';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { redisStore } from '../../src/index.ts';
import { linesLogger, lostOf, putLoad, took } from '../load.ts';

const missing = missingServer('redis');
/** Longer than a restart takes on a machine that is busy with other things. */
const PATIENT = { timeoutMs: 20_000, patienceMs: 20_000 };

describe.skipIf(missing !== undefined)(
  `a server that goes${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  { timeout: 120_000 },
  () => {
    test('a restart under load fails no call, loses no acknowledged write, and is two lines in the log', async () => {
      await using server = await startRedis({ appendOnly: true });
      const logger = linesLogger();
      const store = redisStore({ url: server.url, logger, ...PATIENT });
      const load = putLoad(store);
      await load.works();
      let longestMs = 0;
      for (let round = 0; round < 3; round++) {
        const begun = performance.now();
        await server.restart();
        longestMs = Math.max(longestMs, performance.now() - begun);
        took('after a restart', await load.works());
      }
      await load.stop();
      expect(load.failures.map(({ error }) => error.detail)).toEqual([]);
      expect(load.slowestMs()).toBeLessThan(longestMs + 5_000);
      expect(await lostOf(store, load)).toEqual([]);
      expect(logger.lines.filter((line) => line.startsWith('warn'))).toHaveLength(3);
      expect(logger.lines.filter((line) => line.startsWith('info'))).toHaveLength(3);
      await store.close();
    });

    test('kill -9 loses no acknowledged write, and a server that is away fails calls with its name', async () => {
      await using server = await startRedis({ appendOnly: true });
      const logger = linesLogger();
      const store = redisStore({ url: server.url, logger, patienceMs: 1_000 });
      const load = putLoad(store);
      await load.works();
      await server.kill();
      // Those that were under way or came at once were patient; those that come now fail at once.
      await eventually(() => expect(load.failures.length).toBeGreaterThan(100), { timeoutMs: 20_000 });
      for (const { error, tookMs } of load.failures) {
        expect(error.code).toBe(CODE.unavailable);
        expect(error.detail).toContain(`redis at ${server.address} cannot be reached`);
        expect(tookMs).toBeLessThan(4_000);
      }
      await server.start();
      took('after kill -9 and a start', await load.works());
      await load.stop();
      expect(load.kept.length).toBeGreaterThan(10);
      expect(await lostOf(store, load)).toEqual([]);
      expect(logger.lines).toHaveLength(2);
      expect(logger.lines[0]).toContain(`warn redis at ${server.address} is lost: `);
      expect(logger.lines[1]).toMatch(new RegExp(`^info redis at ${server.address} is back after \\d+ ms$`));
      await store.close();
    });

    test('a server that was never there is a 503 after the patience, then at once, and works when it comes', async () => {
      await using server = await startRedis();
      await server.kill();
      const logger = linesLogger();
      const store = redisStore({ url: server.url, logger, patienceMs: 500 });
      const begun = performance.now();
      await expect(store.read('a')).rejects.toMatchObject({
        code: CODE.unavailable,
        detail: expect.stringContaining(`(connect ECONNREFUSED ${server.address}); is it running?`),
      });
      expect(performance.now() - begun).toBeGreaterThan(450);
      await expect(store.list()).rejects.toMatchObject({ code: CODE.unavailable });
      await expect(store.write({ key: 'a', value: Buffer.from('x') })).rejects.toMatchObject({
        code: CODE.unavailable,
      });
      await server.start();
      await eventually(() => store.write({ key: 'a', value: Buffer.from('x') }), { timeoutMs: 20_000 });
      expect(logger.lines).toHaveLength(2);
      await store.close();
    });

    test('no write that failed while the server was away is made up for when it is back', async () => {
      await using server = await startRedis({ appendOnly: true });
      const store = redisStore({ url: server.url, patienceMs: 300 });
      await store.write({ key: 'a', value: Buffer.from('first') });
      await server.kill();
      await expect(store.write({ key: 'a', value: Buffer.from('late') })).rejects.toMatchObject({
        code: CODE.unavailable,
      });
      await server.start();
      await eventually(
        async () => expect(Buffer.from((await store.read('a'))[0]?.value ?? []).toString()).toBe('first'),
        { timeoutMs: 20_000 },
      );
      await store.write({ key: 'b', value: Buffer.from('x') });
      expect(Buffer.from((await store.read('a'))[0]?.value ?? []).toString()).toBe('first');
      await store.close();
    });

    test('writes to one key keep their order across a restart', async () => {
      await using server = await startRedis({ appendOnly: true });
      const store = redisStore({ url: server.url, ...PATIENT });
      await store.write({ key: 'a', value: Buffer.from('0') });
      const stopped = server.kill();
      const writes: Promise<void>[] = [];
      for (let count = 1; count <= 400; count++) {
        writes.push(store.write({ key: 'a', value: Buffer.from(String(count)) }));
        if (count % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
        if (count === 200) {
          await stopped;
          await server.start();
        }
      }
      await Promise.all(writes);
      expect(Buffer.from((await store.read('a'))[0]?.value ?? []).toString()).toBe('400');
      await store.close();
    });

    test.each(['settings', 'a ready client, which sends a lost command again by itself'])(
      'a list whose server is restarted meanwhile is the whole list all the same, with %s',
      async (made) => {
        await using server = await startRedis({ appendOnly: true });
        const client = made === 'settings' ? undefined : new Redis(server.port);
        client?.on('error', () => {});
        const store = redisStore({ ...(client === undefined ? { url: server.url } : { client }), ...PATIENT });
        const keys = Array.from({ length: 30_000 }, (_, index) => `k${String(index).padStart(5, '0')}`);
        await Promise.all(keys.map((key) => store.write({ key, value: Buffer.from('x') })));
        for (let round = 0; round < 4; round++) {
          let isDone = false;
          const listing = store.list().finally(() => {
            isDone = true;
          });
          // In the middle of it: 30 answers make a list.
          await new Promise((resolve) => setTimeout(resolve, 3 + 4 * round));
          const restarted = server.kill().then(() => server.start());
          expect(isDone).toBe(false);
          expect(await listing).toEqual(keys);
          await restarted;
        }
        await store.close();
        client?.disconnect();
      },
    );
  },
);
