import type { ListOptions, ReadOptions, Store, StoreRecord, StoreScope, WriteOptions } from '../contract/store.ts';
import { CODE } from '../error/code.ts';
import { now } from '../util/clock.ts';
import { compareCodePoints } from '../util/code-points.ts';
import { createDeadlineTimer } from '../util/deadline-timer.ts';
import { shown } from '../util/shown.ts';
import {
  type CheckedRecord,
  type KeyRange,
  limitOf,
  parseMetadata,
  rangeOf,
  type StoreLimits,
  scopeOf,
  storeCheck,
} from './store-check.ts';
import { closedError, refuseAborted, storeError } from './store-error.ts';

const DEFAULT_MAX_BYTES = 1024 * 1024 * 1024;
/** About what an empty record takes, so that a limit in bytes also bounds how many there are. */
const RECORD_BYTES = 128;
/** Records that ended are removed together, so often at most. */
const SWEEP_MS = 1_000;

/** What a memory store may take. */
export interface MemoryStoreOptions extends StoreLimits {
  /** Where records are kept when a call does not say. Default `micro`. */
  readonly database?: string | undefined;
  /** Where records are kept when a call does not say. Default `micro`. */
  readonly table?: string | undefined;
  /** What all records together may take, about, in bytes; a write that exceeds it is a 429. Default 1 GiB; 0 is no limit. */
  readonly maxBytes?: number | undefined;
}

interface Entry {
  readonly value: Uint8Array;
  readonly metadata: string | undefined;
  /** `Infinity` is never. */
  readonly expiresAt: number;
  readonly bytes: number;
}

/** The records of one table, and their keys in order as long as no key came or went. */
interface Table {
  readonly entries: Map<string, Entry>;
  sorted: readonly string[] | undefined;
}

/**
 * A store inside this process, gone with it. Those who are given the same one see the same records. Values and metadata
 * are copied in and out; metadata is what JSON can carry.
 *
 * Keys and names are opaque: a key like `../other` stays in its table. They are not empty and hold whole characters (400
 * otherwise). Unlike go-micro's, a limit counts the records that are meant, after prefix and suffix have been looked at,
 * and a ttl below 0 is refused.
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  const check = storeCheck(options);
  const maxBytes = limitOf('maxBytes', options.maxBytes, DEFAULT_MAX_BYTES);
  scopeOf({}, options);
  const tables = new Map<string, Table>();
  let usedBytes = 0;
  /** Nothing ends before. */
  let nextEnd = Number.POSITIVE_INFINITY;
  let sweptAt = Number.NEGATIVE_INFINITY;
  let closed = false;

  const remove = (table: Table, key: string, entry: Entry): void => {
    table.entries.delete(key);
    table.sorted = undefined;
    usedBytes -= entry.bytes;
  };

  /** Removes what ended and returns when to look again. */
  const sweep = (time: number): number => {
    nextEnd = Number.POSITIVE_INFINITY;
    sweptAt = time;
    for (const [id, table] of tables) {
      for (const [key, entry] of table.entries) {
        if (entry.expiresAt <= time) remove(table, key, entry);
        else nextEnd = Math.min(nextEnd, entry.expiresAt);
      }
      if (table.entries.size === 0) tables.delete(id);
    }
    return Math.max(nextEnd, time + SWEEP_MS);
  };
  const timer = createDeadlineTimer(sweep);

  /** The table that a call means, if it has records. */
  const tableOf = (what: string, scope: StoreScope): { readonly id: string; readonly table: Table | undefined } => {
    if (closed) throw closedError('memory');
    refuseAborted(what, scope.signal);
    const { database, table } = scopeOf(scope, options);
    // Written as JSON, no two pairs of names are the same text.
    const id = JSON.stringify([database, table]);
    return { id, table: tables.get(id) };
  };

  const put = (id: string, found: Table | undefined, record: CheckedRecord): void => {
    const { key, value, metadata, ttlMs } = record;
    const table: Table = found ?? { entries: new Map(), sorted: undefined };
    const old = table.entries.get(key);
    const bytes = RECORD_BYTES + 2 * key.length + value.byteLength + 2 * (metadata?.length ?? 0);
    let total = usedBytes - (old?.bytes ?? 0) + bytes;
    if (total > maxBytes && nextEnd <= now()) {
      sweep(now());
      total = usedBytes - (table.entries.get(key)?.bytes ?? 0) + bytes;
    }
    if (total > maxBytes) {
      const detail = `the memory store is full: with ${shown(key)} it would hold ${total} bytes of ${maxBytes} (maxBytes); delete records, or use another store`;
      throw storeError(CODE.tooManyRequests, detail);
    }
    const expiresAt = ttlMs === 0 ? Number.POSITIVE_INFINITY : now() + ttlMs;
    if (!table.entries.has(key)) table.sorted = undefined;
    table.entries.set(key, { value, metadata, expiresAt, bytes });
    tables.set(id, table);
    usedBytes = total;
    if (ttlMs === 0) return;
    nextEnd = Math.min(nextEnd, expiresAt);
    timer.watch(Math.max(expiresAt, sweptAt + SWEEP_MS));
  };

  return {
    name: 'memory',

    async read(key: string, scope: ReadOptions = {}) {
      const { table } = tableOf('reading the memory store', scope);
      const { prefix, suffix, limit, offset } = scope;
      if (prefix !== true && suffix !== true) check.key(key);
      const range = rangeOf({ limit, offset, ...(prefix && { prefix: key }), ...(suffix && { suffix: key }) });
      if (table === undefined) return [];
      const keys = prefix || suffix ? keysOf(table, range) : page([key].filter(alive(table)), range);
      return keys.flatMap((name) => recordOf(name, table.entries.get(name)) ?? []);
    },

    async write(record: Omit<StoreRecord, 'expiresAt'>, scope: WriteOptions = {}) {
      const { id, table } = tableOf('writing to the memory store', scope);
      put(id, table, check.record(record, scope));
    },

    async delete(key: string, scope: StoreScope = {}) {
      const { id, table } = tableOf('deleting from the memory store', scope);
      check.key(key);
      const entry = table?.entries.get(key);
      if (table === undefined || entry === undefined) return;
      remove(table, key, entry);
      if (table.entries.size === 0) tables.delete(id);
    },

    async list(scope: ListOptions = {}) {
      const { table } = tableOf('listing the memory store', scope);
      const range = rangeOf(scope);
      return table === undefined ? [] : keysOf(table, range);
    },

    async close() {
      closed = true;
      timer.close();
      tables.clear();
      usedBytes = 0;
    },
  };
}

/** Whether the record of a key is there and has not ended. */
function alive({ entries }: Table): (key: string) => boolean {
  const time = now();
  return (key) => (entries.get(key)?.expiresAt ?? 0) > time;
}

function keysOf(table: Table, range: KeyRange): readonly string[] {
  const { prefix, suffix } = range;
  table.sorted ??= [...table.entries.keys()].sort(compareCodePoints);
  const isAlive = alive(table);
  const found: string[] = [];
  for (let at = firstFrom(table.sorted, prefix); at < table.sorted.length; at++) {
    const key = table.sorted[at] ?? '';
    if (!key.startsWith(prefix) || found.length >= range.offset + range.limit) break;
    if (key.endsWith(suffix) && isAlive(key)) found.push(key);
  }
  return page(found, range);
}

function page(keys: readonly string[], { offset, limit }: KeyRange): readonly string[] {
  return keys.slice(offset, offset + limit);
}

/** Where the first key stands that does not sort before the prefix. */
function firstFrom(sorted: readonly string[], prefix: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareCodePoints(sorted[middle] ?? '', prefix) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function recordOf(key: string, entry: Entry | undefined): StoreRecord | undefined {
  if (entry === undefined) return undefined;
  const metadata = parseMetadata(entry.metadata);
  const expiresAt = entry.expiresAt === Number.POSITIVE_INFINITY ? undefined : entry.expiresAt;
  return {
    key,
    value: new Uint8Array(entry.value),
    ...(metadata === undefined ? {} : { metadata }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}
