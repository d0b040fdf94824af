import type { RedisCommands } from './client-types.ts';
import { oddReply } from './redis-error.ts';
import type { RedisValue } from './value-types.ts';

/** One write. */
export interface ValueWrite {
  readonly key: string;
  readonly value: string | Buffer;
  /** 0 is for ever. */
  readonly ttlMs: number;
}

/** There is something under a key that MGET does not show: no plain value, or one that was written after it. */
export const HIDDEN = Symbol('hidden');

const NO_KEY = -2;
const NO_END = -1;

/** GET and PTTL: they leave together, and a server answers what came together in one go. Throws what GET throws. */
export function readOne(redis: RedisCommands, key: string): Promise<RedisValue | undefined> {
  return new Promise((resolve, reject) => {
    const got = redis.callBuffer('get', key);
    const asked = redis.call('pttl', key);
    got.catch(reject);
    asked.then((ttlMs) => got.then((value) => found(value, ttlMs))).then(resolve, reject);
  });
}

/** MGET, and a PTTL for each key. */
export async function readMany(
  redis: RedisCommands,
  keys: readonly string[],
): Promise<readonly (RedisValue | undefined | typeof HIDDEN)[]> {
  // A pipeline makes one text of its commands, which costs less than one write for each.
  const pipeline = redis.pipeline();
  pipeline.callBuffer('mget', ...keys);
  for (const key of keys) pipeline.call('pttl', key);
  const [answer, ...ttls] = (await pipeline.exec()) ?? [];
  const values = answered(answer);
  if (!Array.isArray(values)) throw oddReply('MGET', values);
  return ttls.map((each, at) => {
    const ttlMs = answered(each);
    const value: unknown = values[at] ?? null;
    return value === null && Number(ttlMs) !== NO_KEY ? HIDDEN : found(value, ttlMs);
  });
}

/** What came of one command of a pipeline. */
function answered(answer: readonly [error: Error | null, reply?: unknown] | undefined): unknown {
  const [error, reply] = answer ?? [new Error('the pipeline ended early')];
  if (error !== null) throw error;
  return reply;
}

/** SET, with its end. */
export function writeOne(redis: RedisCommands, { key, value, ttlMs }: ValueWrite): Promise<unknown> {
  if (hasNoEnd(ttlMs)) return redis.call('set', key, value);
  // Less than a millisecond would be no end at all. Whole seconds are written as such, as in go-micro.
  const ms = Math.max(1, Math.ceil(ttlMs));
  return ms % 1_000 === 0 ? redis.call('set', key, value, 'EX', ms / 1_000) : redis.call('set', key, value, 'PX', ms);
}

/** MSET for those that follow each other without an end, and a SET for each of the others, in their order. */
export function writeMany(redis: RedisCommands, writes: readonly ValueWrite[]): Promise<unknown> {
  const sent: Promise<unknown>[] = [];
  let together: (string | Buffer)[] = [];
  const flush = (): void => {
    if (together.length > 0) sent.push(redis.call('mset', ...together));
    together = [];
  };
  for (const write of writes) {
    if (hasNoEnd(write.ttlMs)) {
      together.push(write.key, write.value);
    } else {
      flush();
      sent.push(writeOne(redis, write));
    }
  }
  flush();
  return Promise.all(sent);
}

/** What ends after 285,000 years does not end either. */
function hasNoEnd(ttlMs: number): boolean {
  return ttlMs === 0 || ttlMs > Number.MAX_SAFE_INTEGER;
}

/**
 * What GET and PTTL have found. A value may end between the two questions. A client of somebody else's may be told to hand out
 * numbers as text.
 */
function found(value: unknown, answeredMs: unknown): RedisValue | undefined {
  const ttlMs = Number(answeredMs);
  if (!Number.isInteger(ttlMs)) throw oddReply('PTTL', answeredMs);
  if (value === null || ttlMs === NO_KEY) return undefined;
  if (!Buffer.isBuffer(value)) throw oddReply('GET', value);
  return { value: copyOf(value), expiresAt: ttlMs === NO_END ? undefined : Date.now() + ttlMs };
}

/** What the client hands out is often a small part of a large piece of memory, which would be kept with it. */
function copyOf(value: Buffer): Buffer {
  return value.byteLength * 2 < value.buffer.byteLength ? Buffer.from(value) : value;
}
