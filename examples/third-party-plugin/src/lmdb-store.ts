import { CODE, MicroError, type Store, type StoreRecord } from '@micro/core';
import { type KeyRange, rangeOf, scopeOf, storeCheck } from '@micro/core/plugin';
import { createAsk } from './ask.ts';
import { openEnvironment } from './lmdb-environment.ts';
import { endOf, hasEnded, MAX_KEY_BYTES, pack, tablePrefix, unpack } from './lmdb-layout.ts';
import { checkOptions, type LmdbStoreOptions } from './lmdb-options.ts';

/**
 * A store in LMDB, a database within the process: no server, and unlike core's file store every process of this machine may
 * have the folder open at once. What was acknowledged outlives the process.
 *
 * Throws 400 for options, keys and names that make no sense. A write that waits longer than `timeoutMs` for the disk, or for
 * another process that writes, is a 408; it may be done later all the same. 503 when the folder cannot be used, or the
 * store is closed.
 */
export function lmdbStore(options: LmdbStoreOptions): Store {
  const { path, timeoutMs, sweepMs } = checkOptions(options);
  const check = storeCheck({ maxKeyBytes: MAX_KEY_BYTES, maxValueBytes: options.maxValueBytes });
  const ask = createAsk(path, timeoutMs);
  // A name that no call could use is found out now.
  scopeOf({}, options);
  const environment = openEnvironment(path, sweepMs);
  let closed = false;

  const open = () => {
    if (!closed) return environment.database();
    throw new MicroError({
      id: '@acme/store-lmdb',
      code: CODE.unavailable,
      detail: 'the lmdb store is closed; make another',
    });
  };

  /** What `take` makes of the living entries of a table that a range means, in the order of their keys. */
  const collect = <T>(table: Buffer, range: KeyRange, take: (key: string, value: Uint8Array) => T): readonly T[] => {
    const start = Buffer.concat([table, Buffer.from(range.prefix)]);
    const now = Date.now();
    const taken: T[] = [];
    let skipped = 0;
    for (const { key: bytes, value } of open().getRange({ start, end: endOf(start) })) {
      if (taken.length === range.limit) break;
      const key = Buffer.from(bytes.subarray(table.length)).toString();
      if (!key.endsWith(range.suffix) || hasEnded(value, now)) continue;
      if (skipped < range.offset) skipped++;
      else taken.push(take(key, value));
    }
    return taken;
  };

  return {
    name: 'lmdb',

    read: (key, { prefix = false, suffix = false, limit, offset, ...scope } = {}) =>
      ask(`reading ${JSON.stringify(key)}`, scope.signal, async (): Promise<readonly StoreRecord[]> => {
        const table = tablePrefix(scopeOf(scope, options));
        const range = rangeOf({ prefix: prefix ? key : '', suffix: suffix ? key : '', limit, offset });
        if (prefix || suffix) return collect(table, range, unpack);
        check.key(key);
        const found = open().get(Buffer.concat([table, Buffer.from(key)]));
        return found === undefined || hasEnded(found, Date.now()) ? [] : [unpack(key, found)];
      }),

    write: (given, { ttlMs, ...scope } = {}) =>
      ask(`writing ${JSON.stringify(given.key)}`, scope.signal, async () => {
        const table = tablePrefix(scopeOf(scope, options));
        const record = check.record(given, { ttlMs });
        await open().put(Buffer.concat([table, Buffer.from(record.key)]), pack(record, Date.now()));
      }),

    delete: (key, scope = {}) =>
      ask(`deleting ${JSON.stringify(key)}`, scope.signal, async () => {
        const table = tablePrefix(scopeOf(scope, options));
        check.key(key);
        await open().remove(Buffer.concat([table, Buffer.from(key)]));
      }),

    list: ({ prefix, suffix, limit, offset, ...scope } = {}) =>
      ask('listing the keys', scope.signal, async () => {
        const table = tablePrefix(scopeOf(scope, options));
        return collect(table, rangeOf({ prefix, suffix, limit, offset }), (key) => key);
      }),

    async close() {
      if (closed) return;
      closed = true;
      await ask('closing', undefined, () => environment.close());
    },
  };
}
