import type { LRUCache } from 'lru-cache';
import type { Cache, CacheEntry, CachePutOptions } from '../contract/cache.ts';
import { CODE } from '../error/code.ts';
import { now } from '../util/clock.ts';
import { reasonOf } from '../util/reason.ts';
import { shown } from '../util/shown.ts';
import { cacheError, cacheLimit, cacheTtl } from './cache-check.ts';
import { sizeOf } from './size-of.ts';

const DEFAULT_MAX_ENTRIES = 10_000;
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
/** About what an entry takes beside its key and its value. */
const ENTRY_BYTES = 128;

/** What a memory cache may take. */
export interface MemoryCacheOptions {
  /** How many entries there may be; the one that was not used for the longest time makes room. Default 10,000; 0 is no limit. */
  readonly maxEntries?: number | undefined;
  /**
   * What all entries together may take, about, in bytes; those that were not used for the longest time make room. A value
   * that is larger by itself is a 413. Default 64 MiB; 0 is no limit.
   */
  readonly maxBytes?: number | undefined;
  /** How long an entry lasts when a `put` does not say, in milliseconds. Default 0, which is for ever. */
  readonly ttlMs?: number | undefined;
  /**
   * Keep and hand out the very values that were put, instead of copies. What one caller then changes, all the others see;
   * functions and instances of classes can be kept. Default false.
   */
  readonly share?: boolean | undefined;
}

interface Entry {
  readonly value: unknown;
  /** `Infinity` is never. */
  readonly expiresAt: number;
  readonly bytes: number;
}

/**
 * A cache inside this process, bounded in entries and in bytes. Values are copied in and out as `structuredClone` does, and
 * what it cannot copy is a 400, so that exchanging it for a cache on a server changes nothing for callers who keep JSON.
 * It has no timers: what ended is never returned, and goes when it is asked for or makes room.
 *
 * Unlike go-micro's, deleting what is not there is no error, and an entry without an end has no date in 1970.
 */
export function memoryCache(options: MemoryCacheOptions = {}): Cache {
  const { share = false } = options;
  const maxEntries = cacheLimit('maxEntries', options.maxEntries, DEFAULT_MAX_ENTRIES);
  const maxBytes = cacheLimit('maxBytes', options.maxBytes, DEFAULT_MAX_BYTES);
  const defaultTtlMs = cacheTtl('the cache', options.ttlMs ?? 0);
  let closed = false;
  let made: LRUCache<string, Entry> | undefined;
  let loading: Promise<LRUCache<string, Entry>> | undefined;

  const make = async (): Promise<LRUCache<string, Entry>> => {
    // Loaded when something is put: a service that caches nothing does not pay for it.
    const { LRUCache: Lru } = await import('lru-cache');
    made = new Lru<string, Entry>({
      // Without a limit on entries the one in bytes holds, since no entry is free.
      ...(maxEntries === 0 ? {} : { max: maxEntries }),
      maxSize: maxBytes === 0 ? Number.MAX_SAFE_INTEGER : maxBytes,
      sizeCalculation: ({ bytes }) => bytes,
    });
    return made;
  };

  const refuseClosed = (): void => {
    if (closed) throw cacheError(CODE.unavailable, 'the memory cache is closed; make another one');
  };

  const put = async (key: string, given: unknown, { ttlMs = defaultTtlMs }: CachePutOptions): Promise<void> => {
    refuseClosed();
    cacheTtl(`the entry ${shown(key)}`, ttlMs);
    const expiresAt = ttlMs === 0 ? Number.POSITIVE_INFINITY : now() + ttlMs;
    const value = share ? given : copyOf(key, given);
    const bytes = ENTRY_BYTES + 2 * key.length + sizeOf(value);
    if (maxBytes > 0 && bytes > maxBytes) {
      const detail = `the value of ${shown(key)} takes ${bytes} bytes, and the whole cache may take ${maxBytes} (maxBytes); keep less of it`;
      throw cacheError(CODE.tooLarge, detail);
    }
    loading ??= make();
    const cache = made ?? (await loading);
    if (!closed) cache.set(key, { value, expiresAt, bytes });
  };

  return {
    name: 'memory',

    async get(key: string): Promise<CacheEntry | undefined> {
      refuseClosed();
      // What was put before is there, also while the library is being loaded for it.
      const cache = made ?? (await loading);
      const entry = cache?.get(key);
      if (entry === undefined) return undefined;
      if (entry.expiresAt <= now()) {
        cache?.delete(key);
        return undefined;
      }
      return {
        value: share ? entry.value : copyOf(key, entry.value),
        expiresAt: entry.expiresAt === Number.POSITIVE_INFINITY ? undefined : entry.expiresAt,
      };
    },

    put: (key, value, putOptions = {}) => put(key, value, putOptions),

    async delete(key: string) {
      refuseClosed();
      const cache = made ?? (await loading);
      cache?.delete(key);
    },

    async close() {
      closed = true;
      made?.clear();
      made = undefined;
    },
  };
}

function copyOf(key: string, value: unknown): unknown {
  if (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol') return value;
  // A clone would take the whole pool that a small Buffer is a part of.
  if (value instanceof Uint8Array) return new Uint8Array(value);
  try {
    return structuredClone(value);
  } catch (cause) {
    const detail = `the value of ${shown(key)} cannot be copied: ${reasonOf(cause)}; put plain data, or make the cache with share`;
    throw cacheError(CODE.badRequest, detail, cause);
  }
}
