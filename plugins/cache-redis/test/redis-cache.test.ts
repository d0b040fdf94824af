import { CODE } from '@micro/core';
import { missingServer, startRedis, type TestServer } from '@micro/test-servers';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { plugin, redisCache } from '../src/index.ts';

const missing = missingServer('redis');

describe.skipIf(missing !== undefined)(
  `the cache in redis${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  () => {
    let server: TestServer;
    let redis: Redis;
    beforeAll(async () => {
      server = await startRedis();
      redis = new Redis(server.port);
      await redis.ping();
    });
    afterAll(async () => {
      redis?.disconnect();
      await server?.close();
    });

    test('keys and values are there as they are, and whole seconds are EX, as in go-micro', async () => {
      const cache = redisCache({ url: server.url });
      // Nobody else may be at work while it begins: ioredis takes what it sees in that moment for an answer to itself.
      const monitor = await redis.monitor();
      const seen: string[][] = [];
      monitor.on('monitor', (_: string, args: string[]) => seen.push(args));
      await cache.put('plain', 'x');
      await cache.put('seconds', 'x', { ttlMs: 3_000 });
      await cache.put('less', 'x', { ttlMs: 1_500.2 });
      await cache.put('least', 'x', { ttlMs: 0.1 });
      await cache.put('long', 'x', { ttlMs: Number.MAX_VALUE });
      await cache.get('plain');
      await cache.delete('plain');
      await expect
        .poll(() => seen.filter(([command]) => !['client', 'hello', 'info'].includes(command ?? '')), {
          timeout: 10_000,
        })
        .toEqual([
          ['set', 'plain', 'x'],
          ['set', 'seconds', 'x', 'EX', '3'],
          ['set', 'less', 'x', 'PX', '1501'],
          ['set', 'least', 'x', 'PX', '1'],
          ['set', 'long', 'x'],
          ['get', 'plain'],
          ['pttl', 'plain'],
          ['del', 'plain'],
        ]);
      monitor.disconnect();
      await cache.close();
    });

    test('what anybody has written is got as bytes, with its end', async () => {
      const cache = redisCache({ url: server.url });
      await redis.set('foreign', Buffer.from([0, 200, 255]), 'PX', 60_000);
      const entry = await cache.get('foreign');
      expect(entry?.value).toBeInstanceOf(Buffer);
      expect(entry?.value).toEqual(Buffer.from([0, 200, 255]));
      expect(Math.abs((entry?.expiresAt ?? 0) - Date.now() - 60_000)).toBeLessThan(2_000);
      await redis.hset('hash', 'a', '1');
      await expect(cache.get('hash')).rejects.toMatchObject({ code: CODE.conflict });
      await cache.close();
    });

    test('what is too large is a 413, and a key of half a character a 400', async () => {
      const cache = redisCache({ url: server.url, maxKeyBytes: 4, maxValueBytes: 4 });
      await cache.put('größ'.slice(0, 3), 'abcd');
      await expect(cache.put('größe', 'x')).rejects.toMatchObject({ code: CODE.tooLarge });
      await expect(cache.put('a', 'größ')).rejects.toMatchObject({ code: CODE.tooLarge });
      await expect(cache.get('a\ud800')).rejects.toMatchObject({ code: CODE.badRequest });
      await expect(cache.put('a', { an: 'object' })).rejects.toMatchObject({ code: CODE.badRequest });
      await cache.close();
      expect(() => redisCache({ maxKeyBytes: -1 })).toThrow('maxKeyBytes is -1');
      expect(() => redisCache({ ttlMs: -1 })).toThrow('the ttlMs of the cache is -1');
    });

    test('the manifest makes one from an address, or refuses what is none', async () => {
      expect(plugin).toMatchObject({ api: 1, kind: 'cache', name: 'redis' });
      const cache = await plugin.create({ cache_address: server.url }, {});
      await cache.put('flag', 'x');
      expect(await redis.get('flag')).toBe('x');
      await cache.close();
      expect(() => plugin.create({ cache_address: 7 }, {})).toThrow('--cache_address is no text');
      expect(() => plugin.create({ cache_address: 'http://h' }, {})).toThrow('is no address of redis');
      await (await plugin.create({}, {})).close();
    });
  },
);
