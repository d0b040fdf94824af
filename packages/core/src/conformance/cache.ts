import assert from 'node:assert/strict';
import type { Cache } from '../contract/cache.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { eventually } from './eventually.ts';

/** What a cache may be unable to keep. Everything is supported unless it is said to be false. */
export interface CacheSupport {
  /** Values other than text come back as they were put. go-micro's Redis cache returns bytes, whatever was put. */
  readonly types?: boolean | undefined;
}

/** One private universe of caches: what is put into one of them, the others may see. */
export interface CacheWorld {
  /** A cache, empty when it is the first one of the world. */
  create(options?: { readonly ttlMs?: number | undefined }): Cache | Promise<Cache>;
  readonly supports?: CacheSupport | undefined;
  /** Closes every cache that was made. */
  close(): void | Promise<void>;
}

/** The shortest ttl that every backend can keep; some count in whole seconds. */
const TTL_MS = 1_000;
/** How long a backend may take to notice that a ttl is over. */
const EXPIRY_MS = 10_000;

/** What every cache has to do. */
export const cacheCases: Readonly<Record<string, (world: CacheWorld) => Promise<void>>> = {
  'what is not there is undefined, and deleting it no error': async (world) => {
    const cache = await world.create();
    assert.equal(await cache.get('nothing'), undefined);
    await cache.delete('nothing');
    assert.equal(await cache.get('nothing'), undefined);
  },

  'a value is got as it was put, and does not end without a ttl': async (world) => {
    const cache = await world.create();
    await cache.put('a', 'one');
    assert.equal(await textAt(cache, 'a'), 'one');
    assert.equal((await cache.get('a'))?.expiresAt, undefined);
    await cache.put('empty', '');
    assert.equal(await textAt(cache, 'empty'), '');
    await cache.put('größe', '木 🌳 "\n\u0000');
    assert.equal(await textAt(cache, 'größe'), '木 🌳 "\n\u0000');
  },

  'values keep their types': async (world) => {
    if (world.supports?.types === false) return;
    const cache = await world.create();
    const values = [0, 1.5, true, false, null, [], [1, [2]], {}, { a: { b: ['c', null] } }];
    for (const [index, value] of values.entries()) await cache.put(`k${index}`, value);
    for (const [index, value] of values.entries()) assert.deepEqual((await cache.get(`k${index}`))?.value, value);
  },

  'what a caller does to a value later changes nothing': async (world) => {
    if (world.supports?.types === false) return;
    const cache = await world.create();
    const value = { list: [1] };
    await cache.put('a', value);
    value.list.push(2);
    const first = (await cache.get('a'))?.value;
    assert.deepEqual(first, { list: [1] });
    Object.assign(first as object, { list: [] });
    assert.deepEqual((await cache.get('a'))?.value, { list: [1] });
  },

  'a second put replaces the value and its end': async (world) => {
    const cache = await world.create();
    await cache.put('a', 'one', { ttlMs: 60_000 });
    await cache.put('a', 'two');
    assert.equal(await textAt(cache, 'a'), 'two');
    assert.equal((await cache.get('a'))?.expiresAt, undefined);
  },

  'a deleted entry is gone, and may be put again': async (world) => {
    const cache = await world.create();
    await cache.put('a', 'one');
    await cache.delete('a');
    assert.equal(await cache.get('a'), undefined);
    await cache.put('a', 'two');
    assert.equal(await textAt(cache, 'a'), 'two');
  },

  'keys are opaque': async (world) => {
    const cache = await world.create();
    const keys = [
      '',
      ' ',
      '..',
      'a/b',
      'a:b',
      'a*',
      '{a}',
      '__proto__',
      'constructor',
      'a\u0000',
      'A',
      'a',
      'größe',
      '🌳',
    ];
    for (const key of keys) await cache.put(key, `of ${key}`);
    for (const key of keys) assert.equal(await textAt(cache, key), `of ${key}`);
    await cache.delete('a*');
    assert.equal(await textAt(cache, 'a/b'), 'of a/b');
  },

  'an entry ends with its ttl and says when': async (world) => {
    const cache = await world.create();
    const begin = Date.now();
    await cache.put('short', 'x', { ttlMs: TTL_MS });
    await cache.put('long', 'x', { ttlMs: 600_000 });
    const left = ((await cache.get('long'))?.expiresAt ?? 0) - begin;
    assert.ok(left > 590_000 && left < 610_000, `it ends in ${left} ms`);
    await eventually(async () => assert.equal(await cache.get('short'), undefined), { timeoutMs: EXPIRY_MS });
    assert.equal(await textAt(cache, 'long'), 'x');
  },

  'getting an entry does not make it last longer': async (world) => {
    const cache = await world.create();
    await cache.put('a', 'x', { ttlMs: 60_000 });
    const first = (await cache.get('a'))?.expiresAt ?? 0;
    await new Promise((resolve) => setTimeout(resolve, 50));
    const second = (await cache.get('a'))?.expiresAt ?? 0;
    assert.ok(Math.abs(second - first) < 1_500, `it ended at ${first} and now at ${second}`);
  },

  'the ttl of the cache is that of an entry which has none, and 0 is for ever': async (world) => {
    const cache = await world.create({ ttlMs: TTL_MS });
    await cache.put('ever', 'x', { ttlMs: 0 });
    // On a machine that is busy it may have ended before it is looked at.
    const entry = await eventually(async () => {
      await cache.put('default', 'x');
      const found = await cache.get('default');
      assert.ok(found !== undefined, 'the entry has ended');
      return found;
    });
    assert.notEqual(entry.expiresAt, undefined);
    assert.equal((await cache.get('ever'))?.expiresAt, undefined);
    await eventually(async () => assert.equal(await cache.get('default'), undefined), { timeoutMs: EXPIRY_MS });
    assert.equal(await textAt(cache, 'ever'), 'x');
  },

  'a ttl below 0 is a bad request': async (world) => {
    const cache = await world.create();
    for (const ttlMs of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      await refused(cache.put('a', 'x', { ttlMs }), CODE.badRequest);
    }
    assert.equal(await cache.get('a'), undefined);
  },

  'many puts at once are all kept': async (world) => {
    const cache = await world.create();
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
    await Promise.all(keys.map((key) => cache.put(key, key)));
    assert.deepEqual(await Promise.all(keys.map((key) => textAt(cache, key))), keys);
  },

  'a closed cache is unavailable, and closing it again does nothing': async (world) => {
    const cache = await world.create();
    await cache.put('a', 'x');
    await cache.close();
    await cache.close();
    await refused(cache.get('a'), CODE.unavailable);
    await refused(cache.put('a', 'x'), CODE.unavailable);
    await refused(cache.delete('a'), CODE.unavailable);
  },
};

/** The text at a key, also where the cache returns bytes. */
async function textAt(cache: Cache, key: string): Promise<string | undefined> {
  const value = (await cache.get(key))?.value;
  if (value === undefined || typeof value === 'string') return value;
  assert.ok(value instanceof Uint8Array, `${key} is ${String(value)}`);
  return Buffer.from(value).toString();
}

async function refused(promise: Promise<unknown>, code: number): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof MicroError, String(error));
    assert.equal(error.code, code, error.detail);
    return true;
  });
}
