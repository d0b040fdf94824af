export type { LmdbStoreOptions } from './lmdb-options.ts';
export { plugin } from './lmdb-plugin.ts';
export { lmdbStore } from './lmdb-store.ts';
