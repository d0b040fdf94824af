import type { Store } from '@micro/core';
import { initService, silentLogger } from '@micro/core';
import { redisStore } from '@micro/store-redis';
import { startRedis, type TestServer } from '@micro/test-servers';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { startGoService } from '../src/go-service.ts';
import { type GoStore, startGoStore } from '../src/go-store.ts';
import { cleanup, need } from './real-servers.ts';

const binary = inject('goBinary');
const { skip, why } = need(binary, 'redis');

const BYTES = Uint8Array.from({ length: 256 }, (_, i) => i);
const text = (value: string): Uint8Array => Buffer.from(value);

describe.skipIf(skip)(`the redis store of Go and ours${why}`, () => {
  let server: TestServer;
  let redis: Redis;
  const { add, run } = cleanup();

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
  });
  afterEach(run);
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  /** A store of ours and one of Go's in the same table. */
  const stores = async (table?: string): Promise<{ readonly ours: Store; readonly go: GoStore }> => {
    await redis.flushall();
    const ours = redisStore({ url: server.url, table });
    add(() => ours.close());
    const go = await startGoStore({ binary, urls: [server.url], ...(table === undefined ? {} : { table }) });
    add(() => go.close());
    return { ours, go };
  };

  test('without a table both write to the table micro', async () => {
    const { ours, go } = await stores();
    await ours.write({ key: 'ours', value: BYTES });
    await go.write('go', BYTES);
    expect((await redis.keys('*')).toSorted()).toEqual(['microgo', 'microours']);
  });

  test('what Go writes is read here byte for byte', async () => {
    const { ours, go } = await stores('users/');
    await go.write('größe 世界', BYTES);
    await go.write('empty', new Uint8Array());
    const [read] = await ours.read('größe 世界');
    expect(read).toMatchObject({ key: 'größe 世界', expiresAt: undefined });
    expect(Buffer.from(read?.value ?? [])).toEqual(Buffer.from(BYTES));
    expect((await ours.read('empty'))[0]?.value).toHaveLength(0);
  });

  test('what we write is read by Go byte for byte, and stands in Redis as Go would write it', async () => {
    const { ours, go } = await stores('users/');
    await ours.write({ key: 'größe 世界', value: BYTES });
    await ours.write({ key: 'empty', value: new Uint8Array() });
    expect(await go.read('größe 世界')).toEqual([{ key: 'größe 世界', value: Buffer.from(BYTES), expiryNs: -1 }]);
    expect((await go.read('empty'))[0]?.value).toHaveLength(0);
    expect(await redis.getBuffer('users/größe 世界')).toEqual(Buffer.from(BYTES));
    expect(await redis.type('users/größe 世界')).toBe('string');
  });

  test('the end of a record is the same on both sides, and a record that has ended is on neither', async () => {
    const { ours, go } = await stores('ends/');
    const near = (expiresAt: number | undefined, ms: number): void => {
      expect(Math.abs((expiresAt ?? 0) - Date.now() - ms)).toBeLessThan(5_000);
    };
    await go.write('go', BYTES, { expiryMs: 60_000 });
    near((await ours.read('go'))[0]?.expiresAt, 60_000);
    await ours.write({ key: 'ours', value: BYTES }, { ttlMs: 60_000 });
    near(Date.now() + ((await go.read('ours'))[0]?.expiryNs ?? 0) / 1e6, 60_000);
    for (const [key, ttl] of [
      ['go', await redis.pttl('ends/go')],
      ['ours', await redis.pttl('ends/ours')],
    ] as const) {
      expect(ttl, key).toBeGreaterThan(50_000);
    }
    // Less than a whole second, which both write in milliseconds.
    await go.write('go', BYTES, { expiryMs: 300 });
    await ours.write({ key: 'ours', value: BYTES }, { ttlMs: 300 });
    await expect.poll(() => redis.exists('ends/go', 'ends/ours'), { timeout: 10_000 }).toBe(0);
    expect(await ours.read('go')).toEqual([]);
    await expect(go.read('ours')).rejects.toThrow('not found');
  });

  test('what one overwrites without an end has none for the other', async () => {
    const { ours, go } = await stores('again/');
    await go.write('a', BYTES, { expiryMs: 60_000 });
    await ours.write({ key: 'a', value: text('new') });
    expect(await go.read('a')).toEqual([{ key: 'a', value: Buffer.from('new'), expiryNs: -1 }]);
    await ours.write({ key: 'b', value: BYTES }, { ttlMs: 60_000 });
    await go.write('b', text('new'));
    expect((await ours.read('b'))[0]?.expiresAt).toBeUndefined();
  });

  test('what one deletes is gone for the other, and deleting what is not there is no error for either', async () => {
    const { ours, go } = await stores('gone/');
    await go.write('a', BYTES);
    await ours.delete('a');
    await expect(go.read('a')).rejects.toThrow('not found');
    await ours.write({ key: 'b', value: BYTES });
    await go.delete('b');
    expect(await ours.read('b')).toEqual([]);
    await ours.delete('never');
    await go.delete('never');
  });

  test('both find the same keys by their beginning and their end', async () => {
    const { ours, go } = await stores('found/');
    for (const key of ['user/1', 'user/2', 'user/10', 'group/1']) {
      if (key.endsWith('1')) await go.write(key, text(key));
      else await ours.write({ key, value: text(key) });
    }
    await redis.set('elsewhere/user/1', 'no');
    for (const options of [{}, { prefix: 'user/' }, { suffix: '/1' }, { prefix: 'user/', suffix: '1' }]) {
      expect(await ours.list(options)).toEqual((await go.list(options)).toSorted());
    }
    expect(await ours.list({ prefix: 'user/' })).toEqual(['user/1', 'user/10', 'user/2']);
    const values = (records: readonly { readonly value: Uint8Array }[]) =>
      records.map(({ value }) => Buffer.from(value).toString()).toSorted();
    for (const [key, by] of [
      ['user/', 'prefix'],
      ['/1', 'suffix'],
    ] as const) {
      const mine = await ours.read(key, { [by]: true });
      expect(values(mine)).toEqual(values(await go.read(key, { by })));
      // Go calls each of them by what was looked for.
      expect(mine.map((record) => record.key)).toEqual(values(mine));
    }
  });

  test('a * in a key is a * here, though Go takes it for anything', async () => {
    const { ours, go } = await stores('glob/');
    for (const key of ['a*', 'ab', '[x]', 'x']) await go.write(key, text(key));
    expect(await ours.list({ prefix: 'a*' })).toEqual(['a*']);
    expect(await ours.list({ suffix: '[x]' })).toEqual(['[x]']);
    expect((await go.list({ prefix: 'a*' })).toSorted()).toEqual(['a*', 'ab']);
    expect(await go.list({ suffix: '[x]' })).toEqual(['x']);
  });

  test('our pages are pages of what Go wrote', async () => {
    const { ours, go } = await stores('pages/');
    const keys = Array.from({ length: 30 }, (_, i) => `k${String(i).padStart(2, '0')}`);
    for (const key of keys) await go.write(key, text(key));
    const pages = await Promise.all([0, 10, 20, 30].map((offset) => ours.list({ limit: 10, offset })));
    expect(pages).toEqual([keys.slice(0, 10), keys.slice(10, 20), keys.slice(20), []]);
  });

  test("a service of ours that is told the name of a Go service for its table shares that service's records", async () => {
    await redis.flushall();
    const env = { MICRO_REGISTRY: 'memory', MICRO_STORE: 'redis', MICRO_STORE_ADDRESS: server.url };
    const theirs = await startGoService({ binary, env, name: 'go.micro.srv.users' });
    add(() => theirs.close());
    await theirs.store.write('go', BYTES);
    const options = { name: 'ours', logger: silentLogger(), handleSignals: false };
    const told = { ...env, MICRO_STORE_TABLE: 'go.micro.srv.users' };
    const mine = await initService(options, { argv: [], env: told });
    add(() => mine.stop());
    const { store } = mine.components;
    await store?.write({ key: 'ours', value: BYTES });
    expect((await redis.keys('*')).toSorted()).toEqual(['go.micro.srv.usersgo', 'go.micro.srv.usersours']);
    expect(await store?.list()).toEqual(['go', 'ours']);
    expect((await theirs.store.list()).toSorted()).toEqual(['go', 'ours']);
  });

  test('a Go service takes its own name for its table, whatever MICRO_STORE_TABLE says; ours takes what that says, else micro', async () => {
    await redis.flushall();
    const env = { MICRO_REGISTRY: 'memory', MICRO_STORE: 'redis', MICRO_STORE_ADDRESS: server.url };
    const theirs = await startGoService({ binary, env: { ...env, MICRO_STORE_TABLE: 'told/' }, name: 'theirs/' });
    add(() => theirs.close());
    await theirs.store.write('go', BYTES);
    const options = { name: 'ours/', logger: silentLogger(), handleSignals: false };
    for (const more of [{}, { MICRO_STORE_TABLE: 'told/' }]) {
      const mine = await initService(options, { argv: [], env: { ...env, ...more } });
      add(() => mine.stop());
      await mine.components.store?.write({ key: 'ours', value: BYTES });
    }
    expect((await redis.keys('*')).toSorted()).toEqual(['microours', 'theirs/go', 'told/ours']);
  });
});
