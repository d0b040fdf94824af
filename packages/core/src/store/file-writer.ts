import { CODE } from '../error/code.ts';
import type { Engine } from './file-engine.ts';
import {
  decodeMeta,
  encodeMeta,
  endedRange,
  endKey,
  idOfEndKey,
  metaKey,
  type RecordMeta,
  valueKey,
} from './file-keys.ts';
import { storeError } from './store-error.ts';

/** What is written at once. More would make those who come meanwhile wait for it. */
const MOST_CHANGES = 1_000;
const MOST_BYTES = 8 * 1024 * 1024;

/** A record that is written, or deleted when there is nothing to put. */
export interface Change {
  readonly id: Uint8Array;
  readonly put?: { readonly value: Uint8Array; readonly meta: RecordMeta } | undefined;
}

/** What a writer takes. */
export interface FileWriterOptions {
  /** The engine, opened when it is not. */
  readonly engine: () => Promise<Engine>;
  /** Wait for the disk, not only for the operating system. */
  readonly sync: boolean;
  /** How many bytes may wait; a change that comes on top is a 429, unless it is alone. */
  readonly maxPendingBytes: number;
  /** Closes the engine after a write failed, so that it is opened anew. It does not fail. */
  readonly onFailure: () => Promise<void>;
}

/** Writes changes one group after the other. */
export interface FileWriter {
  /** Resolves when the change is written. */
  write(change: Change): Promise<void>;
  /** Removes records that have ended, unless that is being done. */
  sweep(time: number): Promise<void>;
  /** Resolves when everything is written that was asked for. */
  idle(): Promise<void>;
}

interface Waiting {
  readonly change: Change;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

type Operation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array };

/**
 * Makes a writer. Only one group of changes is written at a time, and those that come meanwhile are the next group: with
 * many at once, each wait for the disk serves many of them, and reading what a change replaces needs no lock.
 */
export function fileWriter({ engine, sync, maxPendingBytes, onFailure }: FileWriterOptions): FileWriter {
  const waiting: Waiting[] = [];
  let pendingBytes = 0;
  let sweepUntil: number | undefined;
  let running: Promise<void> | undefined;

  const takeGroup = (): Waiting[] => {
    let bytes = 0;
    const end = waiting.findIndex((one, index) => {
      bytes += one.bytes;
      return index > 0 && (index >= MOST_CHANGES || bytes > MOST_BYTES);
    });
    return waiting.splice(0, end === -1 ? waiting.length : end);
  };

  const commit = async (group: readonly Waiting[]): Promise<void> => {
    try {
      await writeGroup(group).catch(async () => {
        await onFailure();
        // The engine goes on refusing after a fault that is over, such as a full disk; opened anew it does not. Writing
        // the same group twice is writing it once.
        await writeGroup(group);
      });
      for (const { resolve } of group) resolve();
    } catch (error) {
      await onFailure();
      for (const { reject } of group) reject(error);
    } finally {
      for (const { bytes } of group) pendingBytes -= bytes;
    }
  };

  const writeGroup = async (group: readonly Waiting[]): Promise<void> => {
    const open = await engine();
    await write(open, await operationsOf(open, group));
  };

  const write = (open: Engine, operations: readonly Operation[]): Promise<void> =>
    open.batch([...operations], { sync });

  /** Some of the records that have ended; whether there may be more. */
  const sweepSome = async (time: number): Promise<boolean> => {
    const open = await engine();
    const ends = await open.keys({ ...endedRange(time), limit: MOST_CHANGES }).all();
    if (ends.length === 0) return false;
    const keys = ends.flatMap((end) => [end, metaKey(idOfEndKey(end)), valueKey(idOfEndKey(end))]);
    await write(
      open,
      keys.map((key) => ({ type: 'del', key })),
    );
    return ends.length === MOST_CHANGES;
  };

  const run = async (): Promise<void> => {
    while (waiting.length > 0 || sweepUntil !== undefined) {
      if (waiting.length > 0) await commit(takeGroup());
      if (sweepUntil === undefined) continue;
      // Nobody waits for a sweep: what it could not do now the next one does.
      const more = await sweepSome(sweepUntil).catch(() => false);
      if (!more) sweepUntil = undefined;
    }
  };

  const start = (): Promise<void> => {
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  };

  return {
    write(change) {
      const bytes =
        change.id.byteLength + (change.put?.value.byteLength ?? 0) + (change.put?.meta.metadata?.length ?? 0);
      if (pendingBytes > 0 && pendingBytes + bytes > maxPendingBytes) {
        const detail = `${pendingBytes} bytes wait to be written to the file store, and ${maxPendingBytes} may (maxPendingBytes); wait for earlier writes first`;
        return Promise.reject(storeError(CODE.tooManyRequests, detail));
      }
      pendingBytes += bytes;
      return new Promise((resolve, reject) => {
        waiting.push({ change, bytes, resolve, reject });
        void start();
      });
    },
    async sweep(time) {
      sweepUntil = time;
      await start();
    },
    async idle() {
      while (running !== undefined) await running;
    },
  };
}

/** What a group of changes does to the engine: an end that a record had goes when the record does. */
async function operationsOf(engine: Engine, group: readonly Waiting[]): Promise<readonly Operation[]> {
  const ends = new Map<string, number>();
  const metas = await engine.getMany(group.map(({ change }) => metaKey(change.id)));
  for (const [index, { change }] of group.entries()) ends.set(textOf(change.id), endOf(metas[index]));
  return group.flatMap(({ change: { id, put } }) => {
    const operations: Operation[] = [];
    const hadEnd = ends.get(textOf(id)) ?? 0;
    if (hadEnd > 0) operations.push({ type: 'del', key: endKey(id, hadEnd) });
    ends.set(textOf(id), put?.meta.expiresAt ?? 0);
    if (put === undefined) {
      operations.push({ type: 'del', key: metaKey(id) }, { type: 'del', key: valueKey(id) });
      return operations;
    }
    const { meta, value } = put;
    operations.push({ type: 'put', key: metaKey(id), value: encodeMeta(meta) });
    operations.push({ type: 'put', key: valueKey(id), value });
    if (meta.expiresAt > 0) operations.push({ type: 'put', key: endKey(id, meta.expiresAt), value: new Uint8Array() });
    return operations;
  });
}

function endOf(meta: Uint8Array | undefined): number {
  return meta === undefined || meta.byteLength < 8 ? 0 : decodeMeta(meta).expiresAt;
}

function textOf(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1');
}
