import { CODE, MicroError, type Plugin, type Store } from '@micro/core';
import { {{factory}} } from './{{backend}}-store.ts';

/**
 * The manifest: `--store {{flag}} --store_address host:port`,
 * or the variables `MICRO_STORE` and `MICRO_STORE_ADDRESS`.
 */
export const plugin: Plugin<Store> = {
  api: 1,
  kind: 'store',
  name: '{{backend}}',
  create({ store_address: address, store_database: database, store_table: table }) {
    if (address === undefined) {
      const detail = 'the store {{backend}} needs --store_address (MICRO_STORE_ADDRESS): where {{backend}} is';
      throw new MicroError({ id: '{{package}}', code: CODE.badRequest, detail });
    }
    return {{factory}}({
      // A flag may be given more than once.
      address: String(address),
      database: database === undefined ? undefined : String(database),
      table: table === undefined ? undefined : String(table),
    });
  },
};
