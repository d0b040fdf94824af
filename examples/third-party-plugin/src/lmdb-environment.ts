import { mkdirSync } from 'node:fs';
import { open, type RootDatabase } from 'lmdb';
import { hasEnded } from './lmdb-layout.ts';

type Entries = RootDatabase<Buffer, Uint8Array>;

/** LMDB in one folder: opened when it is first needed, swept now and then. */
export interface Environment {
  database(): Entries;
  /** Waits for what is being written. */
  close(): Promise<void>;
}

/** How many entries one look of a sweep takes, so that it never holds up the process. */
const SWEEP_ENTRIES = 1_000;

/** Prepares LMDB in a folder; ended records are removed every `sweepMs`, 0 is never. */
export function openEnvironment(path: string, sweepMs: number): Environment {
  let opened: Entries | undefined;
  let sweeping: NodeJS.Timeout | undefined;
  /** Where the next look begins: behind the last entry of the one before. */
  let next: Uint8Array | undefined;

  const sweep = async (entries: Entries): Promise<void> => {
    const now = Date.now();
    const seen = [...entries.getRange({ ...(next === undefined ? {} : { start: next }), limit: SWEEP_ENTRIES })];
    next = seen.length < SWEEP_ENTRIES ? undefined : Buffer.concat([seen.at(-1)?.key ?? Buffer.of(), Buffer.of(0)]);
    const ended = seen.filter(({ value }) => hasEnded(value, now));
    if (ended.length === 0) return;
    // In a transaction nobody writes between the look and the removal: a record may have been written anew meanwhile.
    await entries.transaction(() => {
      for (const { key } of ended) {
        const value = entries.get(key);
        if (value !== undefined && hasEnded(value, now)) entries.removeSync(key);
      }
    });
  };

  return {
    database() {
      if (opened === undefined) {
        // Readable by its owner alone.
        mkdirSync(path, { recursive: true, mode: 0o700 });
        const entries = open<Buffer, Uint8Array>({ path, encoding: 'binary', keyEncoding: 'binary' });
        opened = entries;
        // What ended is shown to nobody in any case, and the next sweep comes.
        if (sweepMs > 0) sweeping = setInterval(() => sweep(entries).catch(() => {}), sweepMs).unref();
      }
      return opened;
    },
    async close() {
      clearInterval(sweeping);
      const closing = opened;
      opened = undefined;
      await closing?.close();
    },
  };
}
