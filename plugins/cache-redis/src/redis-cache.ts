import { type Cache, type CacheEntry, type CachePutOptions, CODE } from '@micro/core';
import { cacheError, cacheLimit, cacheTtl, shown } from '@micro/core/plugin';
import { type RedisOptions, redisLink, redisValues } from '@micro/redis-client';
import { encodeValue } from './encode-value.ts';

const ID = 'go.micro.cache';
const DEFAULT_PATIENCE_MS = 1_000;
const DEFAULT_MAX_KEY_BYTES = 4_096;
const DEFAULT_MAX_VALUE_BYTES = 16 * 1024 * 1024;

/** What a Redis cache may take. Every number: `undefined` is the default, 0 is off. */
export interface RedisCacheOptions extends RedisOptions {
  /** How long an entry lasts when a `put` does not say, in milliseconds. Default 0, which is for ever. */
  readonly ttlMs?: number | undefined;
  /** The longest key, in bytes of UTF-8; a longer one is a 413. Default 4,096; 0 is no limit. */
  readonly maxKeyBytes?: number | undefined;
  /** The largest value, in bytes; more is a 413. Default 16 MiB; 0 is no limit. */
  readonly maxValueBytes?: number | undefined;
  /**
   * How long calls are patient with a server that is lost, in milliseconds. Default 1,000: who asks a cache can do without.
   * See `RedisOptions`.
   */
  readonly patienceMs?: number | undefined;
}

/**
 * A cache in Redis, which processes share: a server, the master that sentinels know, or a cluster. Keys and values are those
 * of go-micro's Redis cache: the key as it is, and the value without any wrapping. So what `get` returns is always a
 * `Buffer`, whatever was put.
 *
 * It connects with the first call. Throws 400 for what makes no sense, 408 when the server does not answer, 409 when a key
 * holds something else than a value, 413 for what is too large, 429 when too much waits or Redis is out of memory, 503 when
 * it cannot be reached.
 */
export function redisCache(options: RedisCacheOptions = {}): Cache {
  const defaultTtlMs = cacheTtl('the cache', options.ttlMs ?? 0);
  const maxKeyBytes = cacheLimit('maxKeyBytes', options.maxKeyBytes, DEFAULT_MAX_KEY_BYTES);
  const maxValueBytes = cacheLimit('maxValueBytes', options.maxValueBytes, DEFAULT_MAX_VALUE_BYTES);
  const link = redisLink(options, { id: ID, name: 'the redis cache', patienceMs: DEFAULT_PATIENCE_MS });
  const values = redisValues(link);

  const checkKey = (key: string): void => {
    if (typeof key !== 'string') throw cacheError(CODE.badRequest, `a key is ${typeof key}; give it a text`);
    if (/\p{Surrogate}/u.test(key)) {
      throw cacheError(CODE.badRequest, `the key ${shown(key)} has half a surrogate pair; give it whole characters`);
    }
    refuseLong(`the key ${shown(key)}`, Buffer.byteLength(key), maxKeyBytes, 'maxKeyBytes');
  };

  return {
    name: 'redis',

    async get(key: string): Promise<CacheEntry | undefined> {
      checkKey(key);
      return values.read(key);
    },

    async put(key: string, value: unknown, { ttlMs = defaultTtlMs }: CachePutOptions = {}) {
      checkKey(key);
      cacheTtl(`the entry ${shown(key)}`, ttlMs);
      const bytes = encodeValue(key, value);
      refuseLong(`the value of ${shown(key)}`, Buffer.byteLength(bytes), maxValueBytes, 'maxValueBytes');
      await values.write(key, bytes, { ttlMs });
    },

    async delete(key: string) {
      checkKey(key);
      await values.remove(key);
    },

    close: () => link.close(),
  };
}

function refuseLong(what: string, bytes: number, limit: number, name: string): void {
  // 0 is no limit.
  if (limit > 0 && bytes > limit)
    throw cacheError(CODE.tooLarge, `${what} has ${bytes} bytes; at most ${limit} are allowed (${name})`);
}
