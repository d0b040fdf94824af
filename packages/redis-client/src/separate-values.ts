import type { RedisLink } from './link-types.ts';
import { readOne, writeOne } from './value-commands.ts';
import type { RedisValues } from './value-types.ts';

/**
 * Each value by itself, as a cluster wants it, where the keys of one tick are on several nodes. Changes of one key wait for
 * each other: what is sent again, to another node or after a pause, would otherwise come after what was begun later.
 */
export function separateValues(link: RedisLink): RedisValues {
  return {
    read: (key, signal) =>
      link.call({ verb: 'reading', key, bytes: key.length, run: (redis) => readOne(redis, key), signal }),

    async write(key, value, { ttlMs, signal }) {
      await link.call({
        verb: 'writing',
        key,
        bytes: key.length + value.length,
        run: (redis) => writeOne(redis, { key, value, ttlMs }),
        turn: key,
        signal,
      });
    },

    async remove(key, signal) {
      await link.call({
        verb: 'deleting',
        key,
        bytes: key.length,
        run: (redis) => redis.call('del', key),
        turn: key,
        signal,
      });
    },
  };
}
