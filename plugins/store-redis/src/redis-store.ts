import {
  CODE,
  type ListOptions,
  MicroError,
  type ReadOptions,
  rangeOf,
  type Store,
  type StoreLimits,
  type StoreRecord,
  type StoreScope,
  scopeOf,
  shown,
  storeCheck,
  type WriteOptions,
} from '@micro/core';
import { type RedisCommands, type RedisOptions, redisLink } from '@micro/redis-client';
import { goKeySpaces, type KeySpace, separateKeySpaces } from './key-space.ts';
import { keyedTurns } from './keyed-turns.ts';
import { scanKeys } from './scan-keys.ts';

const ID = 'go.micro.store';
const DEFAULT_TIMEOUT_MS = 5_000;
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
  const { separator, database, table, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const defaults = { database, table };
  const spaces = separator === undefined ? goKeySpaces(database) : separateKeySpaces(separator);
  const check = storeCheck(options);
  spaces(scopeOf({}, defaults));
  const link = redisLink(options, { id: ID, name: 'the redis store', patienceMs: DEFAULT_PATIENCE_MS });
  // One connection keeps the order of what is sent. In a cluster a key may move while two writes are on their way to it.
  const inTurn = link.isCluster ? keyedTurns() : undefined;

  const spaceOf = (scope: StoreScope): KeySpace => spaces(scopeOf(scope, defaults));
  const change = (key: string, run: () => Promise<unknown>): Promise<unknown> =>
    inTurn === undefined ? run() : inTurn(key, run);

  const readOne = async (
    space: KeySpace,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<StoreRecord | undefined> => {
    const at = space.prefix + key;
    const [value, ttl] = await link.call({
      verb: 'reading',
      key: at,
      bytes: at.length,
      run: (redis) => valueAndTtl(redis, at),
      signal,
    });
    // -2: it ended between the two.
    if (value === null || ttl === -2) return undefined;
    return { key, value: copied(value), ...(ttl === -1 ? {} : { expiresAt: Date.now() + ttl }) };
  };

  const keysOf = (space: KeySpace, wanted: ListOptions): Promise<string[]> =>
    scanKeys({
      link,
      space,
      range: rangeOf(wanted),
      patienceMs: timeoutMs === 0 ? DEFAULT_TIMEOUT_MS : timeoutMs,
      signal: wanted.signal,
    });

  return {
    name: 'redis',

    async read(key: string, scope: ReadOptions = {}) {
      const { prefix, suffix, limit, offset, signal } = scope;
      const space = spaceOf(scope);
      if (prefix !== true && suffix !== true) {
        check.key(key);
        const range = rangeOf({ limit, offset });
        const record = range.offset === 0 ? await readOne(space, key, signal) : undefined;
        return record === undefined ? [] : [record];
      }
      const keys = await keysOf(space, {
        limit,
        offset,
        signal,
        ...(prefix && { prefix: key }),
        ...(suffix && { suffix: key }),
      });
      const records: StoreRecord[] = [];
      for (let at = 0; at < keys.length; at += BATCH) {
        const batch = await Promise.all(keys.slice(at, at + BATCH).map((each) => readOne(space, each, signal)));
        for (const record of batch) if (record !== undefined) records.push(record);
      }
      return records;
    },

    async write(record: Omit<StoreRecord, 'expiresAt'>, scope: WriteOptions = {}) {
      const { prefix } = spaceOf(scope);
      const { key, value, ttlMs } = check.record(record, scope);
      if (ttlMs > Number.MAX_SAFE_INTEGER) {
        throw error(CODE.badRequest, `the ttlMs of ${shown(key)} is ${ttlMs}, which redis cannot count; 0 is for ever`);
      }
      const at = prefix + key;
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      const end = endOf(ttlMs);
      await change(at, () =>
        link.call({
          verb: 'writing',
          key: at,
          bytes: at.length + bytes.byteLength,
          run: (redis) => redis.call('set', at, bytes, ...end),
          signal: scope.signal,
        }),
      );
    },

    async delete(key: string, scope: StoreScope = {}) {
      const { prefix } = spaceOf(scope);
      check.key(key);
      const at = prefix + key;
      await change(at, () =>
        link.call({
          verb: 'deleting',
          key: at,
          bytes: at.length,
          run: (redis) => redis.call('del', at),
          signal: scope.signal,
        }),
      );
    },

    async list(scope: ListOptions = {}) {
      return keysOf(spaceOf(scope), scope);
    },

    close: () => link.close(),
  };
}

/** Both in one round trip: they leave together, and a server answers what came together in one go. */
function valueAndTtl(redis: RedisCommands, key: string): Promise<readonly [Buffer | null, number]> {
  return new Promise((resolve, reject) => {
    const value = redis.callBuffer('get', key) as Promise<Buffer | null>;
    const ttl = redis.call('pttl', key) as Promise<number>;
    value.catch(reject);
    ttl.then((ms) => value.then((bytes) => resolve([bytes, ms]), reject), reject);
  });
}

/** The bytes alone: what the client hands out is often a small part of a large piece of memory, which it would keep. */
function copied(value: Buffer): Uint8Array {
  return value.byteLength * 2 < value.buffer.byteLength ? new Uint8Array(value) : value;
}

/** Whole seconds are written as such, as in go-micro. Less than a millisecond would be no end at all. */
function endOf(ttlMs: number): readonly (string | number)[] {
  if (ttlMs === 0) return [];
  const ms = Math.max(1, Math.ceil(ttlMs));
  return ms % 1_000 === 0 ? ['EX', ms / 1_000] : ['PX', ms];
}

function error(code: (typeof CODE)[keyof typeof CODE], detail: string): MicroError {
  return new MicroError({ id: ID, code, detail });
}
