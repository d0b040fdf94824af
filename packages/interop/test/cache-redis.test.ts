import { redisCache } from '@micro/cache-redis';
import type { Cache } from '@micro/core';
import { startRedis, type TestServer } from '@micro/test-servers';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type GoCache, type GoType, startGoCache } from '../src/go-cache.ts';
import { need } from './real-servers.ts';

const binary = inject('goBinary');
const { skip, why } = need(binary, 'redis');

const BYTES = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

describe.skipIf(skip)(`the redis cache of Go and ours${why}`, () => {
  let server: TestServer;
  let redis: Redis;
  let go: GoCache;
  let ours: Cache;

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
    go = await startGoCache({ binary, url: server.url });
    ours = redisCache({ url: server.url });
  });
  afterAll(async () => {
    await ours.close();
    await go.close();
    redis.disconnect();
    await server.close();
  });

  /** What we get, as bytes and with its end. */
  const got = async (key: string) => {
    const entry = await ours.get(key);
    return entry && { value: Buffer.from(entry.value as Uint8Array), expiresAt: entry.expiresAt };
  };

  test.each<[GoType, unknown, unknown]>([
    ['string', 'größe <&> 世界', 'größe <&> 世界'],
    ['string', '', ''],
    ['bytes', BYTES.toString('base64'), BYTES],
    ['int', 42, 42],
    ['int', -7, -7],
    ['float', 1.5, 1.5],
    ['float', 0.1, 0.1],
    ['float', 1e21, 1e21],
    ['float', 1e-7, 1e-7],
    ['float', 123456789.125, 123456789.125],
    ['bool', true, true],
    ['bool', false, false],
    ['nil', null, null],
    ['time', '2024-01-02T03:04:05.6Z', new Date('2024-01-02T03:04:05.600Z')],
    ['time', '2024-01-02T03:04:05Z', new Date('2024-01-02T03:04:05Z')],
  ])('a %s such as %j is the same bytes under the same key, whoever puts it', async (as, value, mine) => {
    await go.put('theirs', as, value);
    await ours.put('mine', mine);
    const written = await redis.getBuffer('theirs');
    expect(await redis.getBuffer('mine')).toEqual(written);
    expect(await got('theirs')).toEqual({ value: written, expiresAt: undefined });
    expect(await go.get('mine')).toMatchObject({ value: written, never: true });
  });

  test('an integer beyond 2^53 keeps its digits both ways', async () => {
    await ours.put('big', 9007199254740993n);
    expect((await go.get('big')).value.toString()).toBe('9007199254740993');
    expect((await redis.getBuffer('big'))?.toString()).toBe('9007199254740993');
  });

  test('what is no text, number, truth value, time or bytes is refused by both', async () => {
    await expect(go.put('odd', 'struct', { name: 'Jo' })).rejects.toThrow(/can't marshal/);
    await expect(ours.put('odd', { name: 'Jo' })).rejects.toMatchObject({ code: 400 });
    expect(await redis.exists('odd')).toBe(0);
  });

  test('the end of an entry is the same on both sides', async () => {
    const near = (expiresAt: number | undefined): void => {
      expect(Math.abs((expiresAt ?? 0) - Date.now() - 60_000)).toBeLessThan(5_000);
    };
    await go.put('theirs', 'string', 'a', 60_000);
    near((await got('theirs'))?.expiresAt);
    await ours.put('mine', 'a', { ttlMs: 60_000 });
    const entry = await go.get('mine');
    expect(entry.never).toBe(false);
    near(entry.expiresAt);
    await go.put('theirs', 'string', 'a', 300);
    await ours.put('mine', 'a', { ttlMs: 300 });
    await expect.poll(() => redis.exists('theirs', 'mine'), { timeout: 10_000 }).toBe(0);
    expect(await got('theirs')).toBeUndefined();
    await expect(go.get('mine')).rejects.toThrow('key not found in cache');
  });

  test('what one puts again without an end has none for the other', async () => {
    await go.put('again', 'string', 'a', 60_000);
    await ours.put('again', 'b');
    expect(await go.get('again')).toMatchObject({ value: Buffer.from('b'), never: true });
    await ours.put('again', 'a', { ttlMs: 60_000 });
    await go.put('again', 'string', 'b');
    expect(await got('again')).toEqual({ value: Buffer.from('b'), expiresAt: undefined });
  });

  test('what one deletes is gone for the other, and deleting what is not there is no error for either', async () => {
    await go.put('gone', 'string', 'a');
    await ours.delete('gone');
    await expect(go.get('gone')).rejects.toThrow('key not found in cache');
    await ours.put('gone', 'a');
    await go.delete('gone');
    expect(await got('gone')).toBeUndefined();
    await ours.delete('never');
    await go.delete('never');
  });
});
