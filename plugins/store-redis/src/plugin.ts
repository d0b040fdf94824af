import { CODE, MicroError, type Plugin, type Store } from '@micro/core';
import { redisStore } from './redis-store.ts';

/**
 * What `--store redis` makes. `--store_address` is where Redis is: one address, the nodes of a cluster, or sentinels.
 * `--store_table` is the table. go-micro's keys have no place for a database, so `--store_database` is a 400: a database of
 * Redis itself stands in the address.
 */
export const plugin: Plugin<Store> = {
  api: 1,
  kind: 'store',
  name: 'redis',
  create({ store_address: address, store_database: database, store_table: table }, { logger }) {
    if (database !== undefined) {
      throw bad(
        `--store_database means nothing to the store "redis": write redis://host:6379/3 for database 3 of the server`,
      );
    }
    return redisStore({ url: texts('store_address', address), table: text('store_table', table), logger });
  },
};

function text(flag: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw bad(`--${flag} is no text`);
}

function texts(flag: string, value: unknown): string | readonly string[] | undefined {
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
  return text(flag, value);
}

function bad(detail: string): MicroError {
  return new MicroError({ id: 'go.micro.store', code: CODE.badRequest, detail });
}
