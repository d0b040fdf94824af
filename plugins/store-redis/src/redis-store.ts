import type { ListOptions, ReadOptions, Store, StoreLimits, StoreRecord, StoreScope, WriteOptions } from '@micro/core';
import { rangeOf, scopeOf, storeCheck } from '@micro/core/plugin';
import { type RedisOptions, redisLink, redisValues } from '@micro/redis-client';
import { goKeySpaces, separateKeySpaces } from './key-space.ts';
import { scanKeys } from './scan-keys.ts';

const ID = 'go.micro.store';
/** A failover takes about half as long. */
const DEFAULT_PATIENCE_MS = 5_000;
/** How many records are asked for at a time. */
const BATCH = 256;

/** What a Redis store may take. Every number: `undefined` is the default, 0 is off. */
export interface RedisStoreOptions extends RedisOptions, StoreLimits {
  /** The beginning of the keys when a call does not say. Default `micro`; that of a Go service is its name. */
  readonly table?: string | undefined;
  /** Only with a `separator`: where records are kept when a call does not say. Default `micro`. */
  readonly database?: string | undefined;
  /**
   * Keeps every table and database to itself: a record is then under `<database><separator><table><separator><key>`, and a
   * name that holds the separator is a 400. Default: none, and go-micro's keys `<table><key>`, where the table `a` also has
   * the keys of the table `ab`.
   */
  readonly separator?: string | undefined;
  /** How long calls are patient with a server that is lost, in milliseconds. Default 5,000. See `RedisOptions`. */
  readonly patienceMs?: number | undefined;
}

/**
 * A store in Redis: a server, the master that sentinels know, or a cluster. Keys and values are those of go-micro's Redis
 * store, so Go services read what is written here and the other way round: the value is the bytes alone, and metadata is not
 * kept. Unlike go-micro's, offset and limit page through the sorted keys of all masters, and every record says its own key.
 *
 * It connects with the first call. Throws 400 for what makes no sense, 408 when the server does not answer, 409 when a key
 * holds something else than a record, 413 for what is too large, 429 when too much waits or Redis is out of memory, 503 when
 * it cannot be reached. A write that failed with 408 or 503 may or may not have been kept.
 */
export function redisStore(options: RedisStoreOptions = {}): Store {
  const { separator, database, table, patienceMs = DEFAULT_PATIENCE_MS } = options;
  const defaults = { database, table };
  const spaces = separator === undefined ? goKeySpaces(database) : separateKeySpaces(separator);
  const check = storeCheck(options);
  const ownStart = spaces(scopeOf({}, defaults));
  const link = redisLink(options, { id: ID, name: 'the redis store', patienceMs: DEFAULT_PATIENCE_MS });
  const values = redisValues(link);

  /** What the keys begin with that a call means. */
  const startOf = (scope: StoreScope): string =>
    scope.database === undefined && scope.table === undefined ? ownStart : spaces(scopeOf(scope, defaults));

  const recordsOf = async (start: string, key: string, signal: AbortSignal | undefined) => {
    const found = await values.read(start + key, signal);
    return found === undefined ? [] : [{ key, value: found.value, expiresAt: found.expiresAt }];
  };

  const keysOf = (start: string, wanted: ListOptions): Promise<string[]> =>
    scanKeys({ link, start, range: rangeOf(wanted), patienceMs, signal: wanted.signal });

  const readPage = async (key: string, options: ReadOptions): Promise<readonly StoreRecord[]> => {
    const { prefix, suffix, limit, offset, signal } = options;
    const start = startOf(options);
    const wanted = { limit, offset, ...(prefix && { prefix: key }), ...(suffix && { suffix: key }), signal };
    const keys = await keysOf(start, wanted);
    const records: StoreRecord[] = [];
    for (let at = 0; at < keys.length; at += BATCH) {
      const batch = await Promise.all(keys.slice(at, at + BATCH).map((each) => recordsOf(start, each, signal)));
      for (const found of batch) records.push(...found);
    }
    return records;
  };

  return {
    name: 'redis',

    async read(key: string, options: ReadOptions = {}) {
      if (options.prefix === true || options.suffix === true) return readPage(key, options);
      check.key(key);
      const start = startOf(options);
      return rangeOf({ limit: options.limit, offset: options.offset }).offset === 0
        ? recordsOf(start, key, options.signal)
        : [];
    },

    async write(record: Omit<StoreRecord, 'expiresAt'>, scope: WriteOptions = {}) {
      const start = startOf(scope);
      const { key, value, ttlMs } = check.record(record, scope);
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      await values.write(start + key, bytes, { ttlMs, signal: scope.signal });
    },

    async delete(key: string, scope: StoreScope = {}) {
      const start = startOf(scope);
      check.key(key);
      await values.remove(start + key, scope.signal);
    },

    async list(scope: ListOptions = {}) {
      return keysOf(startOf(scope), scope);
    },

    close: () => link.close(),
  };
}
