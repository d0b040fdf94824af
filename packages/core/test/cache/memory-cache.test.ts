import { describe, expect, test } from 'vitest';
import { type MemoryCacheOptions, memoryCache } from '../../src/cache/memory-cache.ts';
import { cacheCases } from '../../src/conformance/cache.ts';
import { eventually } from '../../src/conformance/eventually.ts';
import { runConformance } from '../../src/conformance/run.ts';
import type { Cache } from '../../src/contract/cache.ts';
import { CODE } from '../../src/error/code.ts';

describe('memoryCache conforms', () => {
  runConformance({
    test,
    cases: cacheCases,
    world: () => {
      let cache: Cache | undefined;
      return {
        create: (options: MemoryCacheOptions = {}) => {
          cache ??= memoryCache(options);
          return cache;
        },
        close: () => cache?.close(),
      };
    },
  });
});

const kept = async (cache: Cache, keys: readonly string[]): Promise<string> => {
  const found = await Promise.all(keys.map(async (key) => ((await cache.get(key)) === undefined ? '' : key)));
  return found.join('');
};

describe('a memory cache', () => {
  test('lets the entry go that was not used for the longest time when there are too many', async () => {
    const cache = memoryCache({ maxEntries: 3 });
    for (const key of ['a', 'b', 'c']) await cache.put(key, key);
    await cache.get('a');
    await cache.put('d', 'd');
    expect(await kept(cache, ['a', 'b', 'c', 'd'])).toBe('acd');
  });

  test('lets as many entries go as a large one needs room for', async () => {
    const cache = memoryCache({ maxBytes: 10_000 });
    for (const key of ['a', 'b', 'c', 'd']) await cache.put(key, new Uint8Array(2_000));
    await cache.put('e', 'x'.repeat(3_000));
    expect(await kept(cache, ['a', 'b', 'c', 'd', 'e'])).toBe('de');
  });

  test('stays within its bytes however many small entries are put without a limit on entries', async () => {
    const cache = memoryCache({ maxEntries: 0, maxBytes: 100_000 });
    for (let count = 0; count < 5_000; count++) await cache.put(`key ${count}`, count);
    const keys = Array.from({ length: 5_000 }, (_, count) => `key ${count}`);
    const left = (await Promise.all(keys.map((key) => cache.get(key)))).filter((entry) => entry !== undefined);
    expect(left.length).toBeGreaterThan(300);
    expect(left.length).toBeLessThan(1_000);
  });

  test('refuses a value that is larger than all of it, and keeps what is there', async () => {
    const cache = memoryCache({ maxBytes: 1_000 });
    await cache.put('a', 'small');
    await expect(cache.put('b', 'x'.repeat(1_000))).rejects.toMatchObject({
      code: CODE.tooLarge,
      detail: 'the value of "b" takes 2130 bytes, and the whole cache may take 1000 (maxBytes); keep less of it',
    });
    expect(await kept(cache, ['a', 'b'])).toBe('a');
  });

  test('counts what maps, sets, buffers and nested objects hold, and parts that recur once', async () => {
    const shared = 'x'.repeat(300);
    const ring: Record<string, unknown> = { shared };
    ring.self = ring;
    for (const value of [new Map([[1, shared]]), new Set([shared]), { a: [{ b: shared }] }, new Uint8Array(600)]) {
      await expect(memoryCache({ maxBytes: 700 }).put('a', value)).rejects.toMatchObject({ code: CODE.tooLarge });
      await memoryCache({ maxBytes: 1_200 }).put('a', value);
    }
    await memoryCache({ maxBytes: 1_200 }).put('a', ring);
    let deep: unknown[] = [];
    for (let depth = 0; depth < 2_000; depth++) deep = [deep];
    await memoryCache().put('a', deep);
  });

  test('copies what can be copied, refuses the rest, and shares everything when it is told to', async () => {
    const date = new Date(0);
    const copying = memoryCache();
    await copying.put('a', { date });
    expect(await copying.get('a')).toEqual({ value: { date }, expiresAt: undefined });
    await expect(copying.put('f', { call: () => 1 })).rejects.toMatchObject({
      code: CODE.badRequest,
      detail: expect.stringContaining('the value of "f" cannot be copied'),
    });
    const bytes = Buffer.from('abc');
    await copying.put('b', bytes);
    bytes.fill(0);
    expect((await copying.get('b'))?.value).toEqual(new Uint8Array([97, 98, 99]));
    const sharing = memoryCache({ share: true });
    const value = { call: () => 1 };
    await sharing.put('f', value);
    expect((await sharing.get('f'))?.value).toBe(value);
  });

  test('does not count an entry that ended as used', async () => {
    const cache = memoryCache({ maxEntries: 2 });
    await cache.put('short', 'x', { ttlMs: 1 });
    await eventually(async () => expect(await cache.get('short')).toBeUndefined());
    await cache.put('a', 'x');
    await cache.put('b', 'x');
    expect(await kept(cache, ['a', 'b'])).toBe('ab');
  });

  test('finds what was put before, while the put is still at work', async () => {
    const cache = memoryCache();
    const putting = cache.put('a', 'x');
    expect((await cache.get('a'))?.value).toBe('x');
    await putting;
    const [again] = [cache.put('b', 'x'), cache.delete('b')];
    await again;
    expect(await cache.get('b')).toBeUndefined();
  });

  test('has no timers', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    const cache = memoryCache({ ttlMs: 60_000 });
    await cache.put('a', 'x');
    await cache.get('a');
    // The test runner has timers of its own, which come and go.
    await eventually(() => expect(timers()).toBeLessThanOrEqual(before));
    await cache.close();
  });

  test('refuses options that mean nothing', () => {
    expect(() => memoryCache({ maxEntries: -1 })).toThrow('maxEntries is -1');
    expect(() => memoryCache({ maxBytes: 0.5 })).toThrow('maxBytes is 0.5');
    expect(() => memoryCache({ ttlMs: Number.NaN })).toThrow('the ttlMs of the cache is NaN');
  });
});
