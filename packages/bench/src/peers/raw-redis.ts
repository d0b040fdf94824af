import { type ChainableCommander, Redis } from 'ioredis';
import type { StorePeer, StoreUser } from '../peer.ts';
import { serveRedis } from './redis-server.ts';

const TABLE = 'bench/';

/** ioredis alone, with a pipeline for what is asked in one turn: SET; GET, and PTTL for when the record ends. */
export const rawRedis: StorePeer = {
  serve: serveRedis,
  async open(url) {
    const redis = await connected(url);
    const inTurn = turns<(pipeline: ChainableCommander) => (replies: Replies) => void>(async (asked) => {
      const pipeline = redis.pipeline();
      const takers = asked.map((ask) => ask(pipeline));
      const replies = repliesOf(await pipeline.exec());
      for (const take of takers) take(replies);
    });
    return userOf(redis, {
      write: (key, value) =>
        new Promise((resolve) => {
          inTurn((pipeline) => {
            pipeline.set(TABLE + key, value);
            return (replies) => resolve(void replies.next());
          });
        }),
      read: (key) =>
        new Promise((resolve) => {
          inTurn((pipeline) => {
            pipeline.getBuffer(TABLE + key).pttl(TABLE + key);
            return (replies) => {
              const value = replies.next() as Buffer | null;
              replies.next();
              resolve(value ?? undefined);
            };
          });
        }),
    });
  },
};

/** The most that Redis does in one turn: MSET; MGET, and a PTTL for each, in a pipeline. */
export const rawRedisMany: StorePeer = {
  serve: serveRedis,
  async open(url) {
    const redis = await connected(url);
    const writes = turns<{ key: string; value: Buffer; done: () => void }>(async (asked) => {
      await redis.mset(asked.flatMap(({ key, value }) => [TABLE + key, value]));
      for (const { done } of asked) done();
    });
    const reads = turns<{ key: string; done: (value: Buffer | undefined) => void }>(async (asked) => {
      const keys = asked.map(({ key }) => TABLE + key);
      const pipeline = redis.pipeline().mgetBuffer(keys);
      for (const key of keys) pipeline.pttl(key);
      const values = repliesOf(await pipeline.exec()).next() as (Buffer | null)[];
      for (const [index, { done }] of asked.entries()) done(values[index] ?? undefined);
    });
    return userOf(redis, {
      write: (key, value) => new Promise((done) => writes({ key, value, done })),
      read: (key) => new Promise((done) => reads({ key, done })),
    });
  },
};

async function connected(url: string): Promise<Redis> {
  const redis = new Redis(url, { lazyConnect: true });
  await redis.connect();
  return redis;
}

/** All keys by SCAN, a thousand at a time, sorted. */
function userOf(redis: Redis, { read, write }: Pick<StoreUser, 'read' | 'write'>): StoreUser {
  return {
    read,
    write,
    async list() {
      const keys = new Set<string>();
      let cursor = '0';
      do {
        const [next, found] = await redis.scan(cursor, 'MATCH', `${TABLE}*`, 'COUNT', 1_000);
        for (const key of found) keys.add(key.slice(TABLE.length));
        cursor = next;
      } while (cursor !== '0');
      return [...keys].sort();
    },
    async close() {
      await redis.quit();
    },
  };
}

/** Collects what is asked in one turn of the event loop, and handles it together. What it throws ends the process. */
function turns<T>(handle: (asked: readonly T[]) => Promise<void>): (one: T) => void {
  let asked: T[] = [];
  return (one) => {
    asked.push(one);
    if (asked.length > 1) return;
    process.nextTick(() => {
      const batch = asked;
      asked = [];
      void handle(batch);
    });
  };
}

interface Replies {
  /** The next reply; throws the error that it is. */
  next(): unknown;
}

function repliesOf(replies: [error: Error | null, result: unknown][] | null): Replies {
  let at = 0;
  return {
    next() {
      const [error, reply] = replies?.[at++] ?? [new Error('Redis has answered too little')];
      if (error !== null) throw error;
      return reply;
    },
  };
}
