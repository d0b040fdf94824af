import { CODE, MicroError, type Plugin, type Store } from '@micro/core';
import { lmdbStore } from './lmdb-store.ts';

/** The manifest: `--store @acme/store-lmdb --store_address ./data`, or `MICRO_STORE=@acme/store-lmdb`. */
export const plugin: Plugin<Store> = {
  api: 1,
  kind: 'store',
  name: 'lmdb',
  create({ store_address: address, store_database: database, store_table: table }) {
    if (address === undefined) {
      const detail = 'the store lmdb needs --store_address (MICRO_STORE_ADDRESS): a folder';
      throw new MicroError({ id: '@acme/store-lmdb', code: CODE.badRequest, detail });
    }
    return lmdbStore({
      // A flag may be given more than once.
      path: String(address),
      database: database === undefined ? undefined : String(database),
      table: table === undefined ? undefined : String(table),
    });
  },
};
