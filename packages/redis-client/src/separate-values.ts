import { keyedTurns } from './keyed-turns.ts';
import type { RedisLink } from './link-types.ts';
import type { RedisValues } from './redis-values.ts';
import { readOne, writeOne } from './value-commands.ts';

/**
 * Each value by itself, as a cluster wants it, where the keys of one tick are on several nodes. Changes of one key wait for
 * each other: a key may move to another node while two of them are on their way to it, and the second could be faster.
 */
export function separateValues(link: RedisLink): RedisValues {
  const inTurn = keyedTurns();
  return {
    read: (key, signal) =>
      link.call({ verb: 'reading', key, bytes: key.length, run: (redis) => readOne(redis, key), signal }),

    async write(key, value, { ttlMs, signal }) {
      const bytes = key.length + value.length;
      const run = () =>
        link.call({ verb: 'writing', key, bytes, run: (redis) => writeOne(redis, { key, value, ttlMs }), signal });
      await inTurn(key, run);
    },

    async remove(key, signal) {
      const run = () =>
        link.call({ verb: 'deleting', key, bytes: key.length, run: (redis) => redis.call('del', key), signal });
      await inTurn(key, run);
    },
  };
}
