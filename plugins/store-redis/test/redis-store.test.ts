import { type AddressInfo, createServer } from 'node:net';
import { CODE, type Store } from '@micro/core';
import { missingServer, startRedis, startRedisCluster, type TestServer } from '@micro/test-servers';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { plugin, type RedisStoreOptions, redisStore } from '../src/index.ts';

const missing = missingServer('redis');
/** For what writes so much at once that the last of it waits for long on a busy machine. */
const BULK_MS = 60_000;
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;

describe('a store at something that speaks like redis, and is none', () => {
  test('ends a list with a 503 that says so', async () => {
    // A number, whatever is asked.
    const other = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (data) => socket.write(':5\r\n'.repeat(data.toString('latin1').match(/^\*\d/gm)?.length ?? 0)));
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const store = redisStore({ url: `redis://127.0.0.1:${port}`, patienceMs: 0 });
    try {
      await expect(store.list()).rejects.toMatchObject({
        code: CODE.unavailable,
        detail: expect.stringContaining('SCAN was answered with is no answer of redis'),
      });
    } finally {
      await store.close();
      other.close();
    }
  });
});

describe.skipIf(missing !== undefined)(`the store in redis${skipped}`, () => {
  let server: TestServer;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.port);
  });
  beforeEach(async () => {
    await redis.flushall();
  });
  afterAll(async () => {
    redis?.disconnect();
    await server?.close();
  });

  const use = async (options: RedisStoreOptions, work: (store: Store) => Promise<void>): Promise<void> => {
    const store = redisStore({ url: server.url, ...options });
    try {
      await work(store);
    } finally {
      await store.close();
    }
  };

  test('keys are the table and the key, values the bytes alone, as in go-micro', () =>
    use({}, async (store) => {
      await store.write({ key: 'foo', value: Buffer.from('bar'), metadata: { not: 'kept' } });
      await store.write({ key: 'foo', value: Buffer.from('baz') }, { table: 'go.micro.srv.users' });
      expect((await redis.keys('*')).sort()).toEqual(['go.micro.srv.usersfoo', 'microfoo']);
      expect(await redis.get('microfoo')).toBe('bar');
      await redis.set('go.micro.srv.usersby-go', 'x', 'EX', 60);
      const [record] = await store.read('by-go', { table: 'go.micro.srv.users' });
      expect(record).toMatchObject({ key: 'by-go', value: Buffer.from('x') });
      expect(Math.abs((record?.expiresAt ?? 0) - Date.now() - 60_000)).toBeLessThan(2_000);
    }));

  test('the ttl is EX in whole seconds and PX otherwise, and a record is one round trip', () =>
    use({}, async (store) => {
      await store.list();
      // Nobody else may be at work while it begins: ioredis takes what it sees in that moment for an answer to itself.
      const monitor = await redis.monitor();
      const seen: string[][] = [];
      monitor.on('monitor', (_: string, args: string[]) => seen.push(args));
      await store.write({ key: 'a', value: Buffer.from('x') });
      await store.write({ key: 'b', value: Buffer.from('x') }, { ttlMs: 2_000 });
      await store.write({ key: 'c', value: Buffer.from('x') }, { ttlMs: 2_500 });
      await store.read('a');
      await store.delete('a');
      await expect
        .poll(() => seen, { timeout: 10_000 })
        .toEqual([
          ['set', 'microa', 'x'],
          ['set', 'microb', 'x', 'EX', '2'],
          ['set', 'microc', 'x', 'PX', '2500'],
          ['get', 'microa'],
          ['pttl', 'microa'],
          ['del', 'microa'],
        ]);
      monitor.disconnect();
    }));

  test('what is listed is found with SCAN, and KEYS is never used', () =>
    use({}, async (store) => {
      await Promise.all(
        Array.from({ length: 3_000 }, (_, index) => store.write({ key: `k${index}`, value: Buffer.from('x') })),
      );
      await redis.config('RESETSTAT');
      expect(await store.list({ prefix: 'k1', suffix: '9' })).toHaveLength(111);
      expect(await store.read('k29', { prefix: true })).toHaveLength(111);
      const stats = await redis.info('commandstats');
      expect(stats).toContain('cmdstat_scan');
      expect(stats).not.toContain('cmdstat_keys');
    }));

  test('keys that are no text, and what is no record, are left out', () =>
    use({}, async (store) => {
      await redis.set(Buffer.from([...Buffer.from('micro'), 0xff, 0xfe]), 'x');
      await redis.set('micro', 'called like the table');
      await redis.hset('microhash', 'a', '1');
      await redis.set('microgood\ufffd', 'x');
      expect(await store.list()).toEqual(['good\ufffd']);
      expect((await store.read('', { prefix: true })).map(({ key }) => key)).toEqual(['good\ufffd']);
      await expect(store.read('hash')).rejects.toMatchObject({ code: CODE.conflict, id: 'go.micro.store' });
    }));

  test('with a separator no table sees another, and a name that holds it is a bad request', () =>
    use({ separator: ':', table: 'a' }, async (store) => {
      await store.write({ key: 'b:k', value: Buffer.from('x') });
      await store.write({ key: 'k', value: Buffer.from('y') }, { table: 'ab' });
      await store.write({ key: 'k', value: Buffer.from('z') }, { database: 'other' });
      expect((await redis.keys('*')).sort()).toEqual(['micro:a:b:k', 'micro:ab:k', 'other:a:k']);
      expect(await store.list()).toEqual(['b:k']);
      await expect(store.list({ table: 'a:b' })).rejects.toMatchObject({ code: CODE.badRequest });
      await expect(store.list({ database: ':' })).rejects.toMatchObject({ code: CODE.badRequest });
      expect(() => redisStore({ separator: '::', table: 'a:' })).toThrow('holds the separator');
      expect(() => redisStore({ separator: '' })).toThrow('separator is empty');
    }));

  test('a database, which go-micro has no place for, is a bad request unless it is the own one', () =>
    use({}, async (store) => {
      await store.write({ key: 'a', value: Buffer.from('x') }, { database: 'micro' });
      await expect(store.read('a', { database: 'other' })).rejects.toMatchObject({ code: CODE.badRequest });
    }));

  test('what is too large is a 413', () =>
    use({ maxKeyBytes: 4, maxValueBytes: 4 }, async (store) => {
      await store.write({ key: 'abcd', value: Buffer.from('abcd') });
      await expect(store.write({ key: 'abcde', value: Buffer.from('a') })).rejects.toMatchObject({
        code: CODE.tooLarge,
      });
      await expect(store.write({ key: 'a', value: Buffer.from('abcde') })).rejects.toMatchObject({
        code: CODE.tooLarge,
      });
    }));

  test('pages of 100,000 keys are those of the sorted truth', { timeout: 4 * BULK_MS }, () =>
    use({ table: 'many', timeoutMs: BULK_MS }, async (store) => {
      const keys = Array.from(
        { length: 100_000 },
        (_, index) => `${(index * 7_919) % 100_000}-${index % 3 === 0 ? '🌳' : 'ﬀ'}`,
      );
      const other = Array.from({ length: 5_000 }, (_, index) => `unrelated-${index}`);
      await Promise.all([
        ...keys.map((key) => store.write({ key, value: Buffer.from(key) })),
        ...other.map((key) => store.write({ key, value: Buffer.from('x') }, { table: 'others' })),
      ]);
      const sorted = keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await store.list()).toEqual(sorted);
      for (const [offset, limit] of [
        [0, 10],
        [99_990, 100],
        [50_000, 1_000],
        [1, 99_998],
        [100_000, 5],
        [20_000, 0],
      ] as const) {
        expect(await store.list({ offset, limit })).toEqual(
          sorted.slice(offset, limit === 0 ? undefined : offset + limit),
        );
      }
      const prefix = '12';
      const meant = sorted.filter((key) => key.startsWith(prefix));
      const records = await store.read(prefix, { prefix: true, offset: 100, limit: 700 });
      expect(records.map(({ key }) => key)).toEqual(meant.slice(100, 800));
      expect(records.every(({ key, value }) => Buffer.from(value).toString() === key)).toBe(true);
    }),
  );

  test('the manifest makes one from the flags, or says which one is wrong', async () => {
    expect(plugin).toMatchObject({ api: 1, kind: 'store', name: 'redis' });
    const store = await plugin.create({ store_address: [server.url], store_table: 'users' }, {});
    await store.write({ key: 'a', value: Buffer.from('x') });
    expect(await redis.get('usersa')).toBe('x');
    await store.close();
    expect(() => plugin.create({ store_database: 'x' }, {})).toThrow('--store_database means nothing');
    expect(() => plugin.create({ store_address: 7 }, {})).toThrow('--store_address is no text');
    expect(() => plugin.create({ store_address: ['http://h'] }, {})).toThrow('is no address of redis');
    expect(() => plugin.create({ store_address: ['redis://a', 'redis://b/3'] }, {})).toThrow('not alike');
  });
});

describe.skipIf(missing !== undefined)(`the store in a cluster${skipped}`, () => {
  test('a page has the keys of all masters, each once', { timeout: 2 * BULK_MS }, async () => {
    await using cluster = await startRedisCluster();
    const store = redisStore({ url: cluster.urls, timeoutMs: BULK_MS });
    const keys = Array.from({ length: 9_000 }, (_, index) => `k${String(index).padStart(4, '0')}`);
    await Promise.all(keys.map((key) => store.write({ key, value: Buffer.from(key) })));
    const sizes = await Promise.all(
      cluster.servers.map(async ({ port }) => {
        const redis = new Redis(port);
        const size = await redis.dbsize();
        redis.disconnect();
        return size;
      }),
    );
    expect(sizes.every((size) => size > 1_000)).toBe(true);
    expect(await store.list()).toEqual(keys);
    expect(await store.list({ offset: 4_000, limit: 500 })).toEqual(keys.slice(4_000, 4_500));
    const records = await store.read('k1', { prefix: true });
    expect(records.map(({ value }) => Buffer.from(value).toString())).toEqual(
      keys.filter((key) => key.startsWith('k1')),
    );
    await store.close();
  });
});
