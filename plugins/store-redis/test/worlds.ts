import type { Store } from '@micro/core';
import type { StoreSupport, StoreWorld } from '@micro/core/conformance';
import { type RedisStoreOptions, redisStore } from '../src/index.ts';

/** What go-micro's keys have no place for. */
export const GO_KEYS: StoreSupport = { metadata: false, databases: false };
/** The same with a separator. */
export const SEPARATE: StoreSupport = { metadata: false };

let worlds = 0;

/** Stores of a table that nobody else has, on servers that many worlds share. */
export function worldOf(options: RedisStoreOptions, supports: StoreSupport): StoreWorld {
  const table = `world-${worlds++}`;
  const made: Store[] = [];
  return {
    supports,
    create() {
      const store = redisStore({ ...options, table });
      made.push(store);
      return store;
    },
    async close() {
      await Promise.all(made.map((store) => store.close()));
    },
  };
}
