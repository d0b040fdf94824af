import type { ListOptions, ReadOptions, Store, StoreRecord, StoreScope, WriteOptions } from '../contract/store.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { reasonOf } from '../util/reason.ts';
import { LONGEST_TIMER_MS } from '../util/timer.ts';
import { type Engine, openEngine } from './file-engine.ts';
import {
  decodeMeta,
  keyOfMetaKey,
  metaKey,
  metaRange,
  type RecordMeta,
  recordId,
  scopeBytes,
  valueKey,
} from './file-keys.ts';
import { fileWriter } from './file-writer.ts';
import {
  type KeyRange,
  limitOf,
  parseMetadata,
  rangeOf,
  type StoreLimits,
  scopeOf,
  storeCheck,
} from './store-check.ts';
import { closedError, refuseAborted, storeError } from './store-error.ts';

const DEFAULT_SWEEP_MS = 60_000;
const DEFAULT_MAX_PENDING_BYTES = 64 * 1024 * 1024;
/** How many entries are taken from the engine at a time. */
const STEP = 256;

/** What a file store takes. */
export interface FileStoreOptions extends StoreLimits {
  /** The folder, which is made when there is none. Nobody else may have it open. */
  readonly path: string;
  /** Where records are kept when a call does not say. Default `micro`. */
  readonly database?: string | undefined;
  /** Where records are kept when a call does not say. Default `micro`. */
  readonly table?: string | undefined;
  /**
   * Whether a write waits until the disk has it. Without, what was acknowledged outlives the process but not the power
   * supply, and a single writer is much faster. Default true.
   */
  readonly sync?: boolean | undefined;
  /** How often records that ended are removed, in milliseconds; they are never returned. Default 60,000; 0 is never. */
  readonly sweepMs?: number | undefined;
  /** How much may wait to be written, in bytes; a write on top of it is a 429. Default 64 MiB; 0 is no limit. */
  readonly maxPendingBytes?: number | undefined;
}

/** The part of the engine's iterator that is used. */
interface Entries {
  nextv(size: number): Promise<[Uint8Array, Uint8Array][]>;
  close(): Promise<void>;
}

/** A record as a page of a range has it, before its value is read. */
interface Found {
  readonly key: string;
  readonly meta: RecordMeta;
}

/**
 * A store in a folder on this machine, which needs no server. What was acknowledged is there after the process was killed
 * in the middle of writing, and, with `sync`, after the power failed. The folder is opened by the first call; whoever
 * finds it open elsewhere gets a 409. A failed write is a 503 and may or may not have been kept.
 *
 * The rules for keys, names, limits and ttls are those of `memoryStore`. Records end by the system's clock, since they
 * outlive the process.
 */
export function fileStore(options: FileStoreOptions): Store {
  const { path, sync = true, sweepMs = DEFAULT_SWEEP_MS } = options;
  if (typeof path !== 'string' || path === '') {
    throw storeError(CODE.badRequest, 'a file store needs the path of a folder');
  }
  const check = storeCheck(options);
  limitOf('sweepMs', sweepMs, 0);
  scopeOf({}, options);
  let opened: Promise<Engine> | undefined;
  let released: Promise<void> = Promise.resolve();
  let sweeper: NodeJS.Timeout | undefined;
  let closing: Promise<void> | undefined;

  const open = (): Promise<Engine> => {
    opened ??= released
      .then(() => openEngine(path))
      .catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
    if (sweepMs > 0)
      sweeper ??= setInterval(() => void writer.sweep(Date.now()), Math.min(sweepMs, LONGEST_TIMER_MS)).unref();
    return opened;
  };

  /** Closes the engine, so that the next call opens it anew: after a failure it may refuse every write. */
  const release = async (): Promise<void> => {
    const engine = await opened?.catch(() => undefined);
    opened = undefined;
    released = engine?.close().catch(() => undefined) ?? Promise.resolve();
    await released;
  };

  const writer = fileWriter({
    engine: open,
    sync,
    maxPendingBytes: limitOf('maxPendingBytes', options.maxPendingBytes, DEFAULT_MAX_PENDING_BYTES),
    onFailure: release,
  });

  /** Runs one call in the scope that it means. */
  const call = async <T>(what: string, scope: StoreScope, run: (scope: Uint8Array) => Promise<T>): Promise<T> => {
    if (closing !== undefined) throw closedError('file');
    refuseAborted(`${what} the file store at ${path}`, scope.signal);
    const bytes = scopeBytes(scopeOf(scope, options));
    try {
      return await run(bytes);
    } catch (cause) {
      if (cause instanceof MicroError) throw cause;
      if (closing !== undefined) throw closedError('file');
      throw storeError(CODE.unavailable, `${what} the file store at ${path} failed: ${reasonOf(cause)}`, cause);
    }
  };

  const shutDown = async (): Promise<void> => {
    clearInterval(sweeper);
    await writer.idle();
    clearInterval(sweeper);
    await release();
  };

  return {
    name: 'file',

    read(key: string, scope: ReadOptions = {}) {
      return call('reading', scope, async (bytes) => {
        const { prefix, suffix, limit, offset, signal } = scope;
        if (prefix !== true && suffix !== true) check.key(key);
        const range = rangeOf({ limit, offset, ...(prefix && { prefix: key }), ...(suffix && { suffix: key }) });
        const engine = await open();
        if (prefix !== true && suffix !== true) return range.offset > 0 ? [] : await readOne(engine, bytes, key);
        const snapshot = engine.snapshot();
        try {
          const found = await findAll(engine.iterator({ ...metaRange(bytes, range.prefix), snapshot }), {
            scope: bytes,
            range,
            signal,
          });
          const keys = found.map((one) => valueKey(recordId(bytes, one.key)));
          const values = await engine.getMany(keys, { snapshot });
          return found.flatMap(({ key: name, meta }, index) => recordOf(name, meta, values[index]));
        } finally {
          await snapshot.close();
        }
      });
    },

    write(record: Omit<StoreRecord, 'expiresAt'>, scope: WriteOptions = {}) {
      return call('writing to', scope, async (bytes) => {
        const { key, value, metadata, ttlMs } = check.record(record, scope);
        const expiresAt = ttlMs === 0 ? 0 : Math.ceil(Date.now() + ttlMs);
        await writer.write({ id: recordId(bytes, key), put: { value, meta: { expiresAt, metadata } } });
      });
    },

    delete(key: string, scope: StoreScope = {}) {
      return call('deleting from', scope, async (bytes) => {
        check.key(key);
        await writer.write({ id: recordId(bytes, key) });
      });
    },

    list(scope: ListOptions = {}) {
      return call('listing', scope, async (bytes) => {
        const range = rangeOf(scope);
        const engine = await open();
        const iterator = engine.iterator(metaRange(bytes, range.prefix));
        const found = await findAll(iterator, { scope: bytes, range, signal: scope.signal });
        return found.map(({ key }) => key);
      });
    },

    close() {
      closing ??= shutDown();
      return closing;
    },
  };
}

async function readOne(engine: Engine, scope: Uint8Array, key: string): Promise<readonly StoreRecord[]> {
  const id = recordId(scope, key);
  // Both of one moment: a write between the two would otherwise mix two records.
  const [meta, value] = await engine.getMany([metaKey(id), valueKey(id)]);
  if (meta === undefined) return [];
  const decoded = decodeMeta(meta);
  return isAlive(decoded, Date.now()) ? recordOf(key, decoded, value) : [];
}

/** The page of a range that one call means, in order. */
async function findAll(
  iterator: Entries,
  {
    scope,
    range: { suffix, offset, limit },
    signal,
  }: { readonly scope: Uint8Array; readonly range: KeyRange; readonly signal: AbortSignal | undefined },
): Promise<readonly Found[]> {
  const time = Date.now();
  const found: Found[] = [];
  let left = offset;
  try {
    for (;;) {
      const entries = await iterator.nextv(STEP);
      refuseAborted('looking through the file store', signal);
      for (const [bytes, value] of entries) {
        const key = keyOfMetaKey(scope, bytes);
        const meta = decodeMeta(value);
        if (!key.endsWith(suffix) || !isAlive(meta, time)) continue;
        if (left-- > 0) continue;
        found.push({ key, meta });
        if (found.length >= limit) return found;
      }
      if (entries.length === 0) return found;
    }
  } finally {
    await iterator.close();
  }
}

function isAlive({ expiresAt }: RecordMeta, time: number): boolean {
  return expiresAt === 0 || expiresAt > time;
}

function recordOf(key: string, meta: RecordMeta, value: Uint8Array | undefined): readonly StoreRecord[] {
  if (value === undefined) return [];
  const metadata = parseMetadata(meta.metadata);
  return [
    {
      key,
      // The engine hands out Buffers, some of which share their memory.
      value: new Uint8Array(value),
      ...(metadata === undefined ? {} : { metadata }),
      ...(meta.expiresAt === 0 ? {} : { expiresAt: meta.expiresAt }),
    },
  ];
}
