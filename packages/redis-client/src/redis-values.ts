import type { RedisCommands } from './client-types.ts';
import { keyedTurns } from './keyed-turns.ts';
import type { RedisLink } from './redis-link.ts';

/** What is kept under a key. */
export interface RedisValue {
  /** A copy, which nobody else has. */
  readonly value: Buffer;
  /** In milliseconds since the epoch, by the clock of this machine; `undefined` when it does not end. */
  readonly expiresAt: number | undefined;
}

/** What a write may take. */
export interface RedisWriteOptions {
  /** Ends the value after so many milliseconds, the next whole one; 0 is never. */
  readonly ttlMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Values under keys. Each of these is one round trip; those of one tick leave in one packet. */
export interface RedisValues {
  /** `undefined` when there is none, or it has ended. Throws 409 when the key holds something else than a value. */
  read(key: string, signal?: AbortSignal): Promise<RedisValue | undefined>;
  /** Two writes to one key are kept in the order in which they were begun. */
  write(key: string, value: string | Buffer, options: RedisWriteOptions): Promise<void>;
  /** Nothing happens when there is none. */
  remove(key: string, signal?: AbortSignal): Promise<void>;
}

const NO_KEY = -2;
const NO_END = -1;

/** The values that a link reaches. */
export function redisValues(link: RedisLink): RedisValues {
  // One connection keeps the order of what is sent. In a cluster a key may move while two writes are on their way to it.
  const inTurn = link.isCluster ? keyedTurns() : undefined;

  const change = async (key: string, run: () => Promise<unknown>): Promise<void> => {
    await (inTurn === undefined ? run() : inTurn(key, run));
  };

  return {
    async read(key, signal) {
      const [value, ttlMs] = await link.call({
        verb: 'reading',
        key,
        bytes: key.length,
        run: (redis) => valueAndTtl(redis, key),
        signal,
      });
      // It may end between the two.
      if (value === null || ttlMs === NO_KEY) return undefined;
      return { value: copyOf(value), expiresAt: ttlMs === NO_END ? undefined : Date.now() + ttlMs };
    },

    write(key, value, { ttlMs, signal }) {
      const end = endOf(ttlMs);
      return change(key, () =>
        link.call({
          verb: 'writing',
          key,
          bytes: key.length + value.length,
          run: (redis) => redis.call('set', key, value, ...end),
          signal,
        }),
      );
    },

    remove(key, signal) {
      return change(key, () =>
        link.call({ verb: 'deleting', key, bytes: key.length, run: (redis) => redis.call('del', key), signal }),
      );
    },
  };
}

/** Both leave together, and a server answers what came together in one go. */
function valueAndTtl(redis: RedisCommands, key: string): Promise<readonly [Buffer | null, number]> {
  return new Promise((resolve, reject) => {
    const value = redis.callBuffer('get', key) as Promise<Buffer | null>;
    const ttl = redis.call('pttl', key) as Promise<number>;
    value.catch(reject);
    ttl.then((ms) => value.then((bytes) => resolve([bytes, ms]), reject), reject);
  });
}

/** What the client hands out is often a small part of a large piece of memory, which would be kept with it. */
function copyOf(value: Buffer): Buffer {
  return value.byteLength * 2 < value.buffer.byteLength ? Buffer.from(new Uint8Array(value).buffer) : value;
}

/** Whole seconds are written as such, as in go-micro. Less than a millisecond would be no end at all. */
function endOf(ttlMs: number): readonly (string | number)[] {
  // What ends after 285,000 years does not end.
  if (ttlMs === 0 || ttlMs > Number.MAX_SAFE_INTEGER) return [];
  const ms = Math.max(1, Math.ceil(ttlMs));
  return ms % 1_000 === 0 ? ['EX', ms / 1_000] : ['PX', ms];
}
