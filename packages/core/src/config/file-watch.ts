import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { LONGEST_TIMER_MS, pause } from '../util/timer.ts';
import { bell } from './waiting.ts';

/** An editor writes a file in several steps; only when it was quiet so long is it read. */
const QUIET_MS = 50;
/** A file that is never quiet is read all the same. */
const LONGEST_WAIT_MS = 500;

/** Tells when a file may have changed. */
export interface FileWatch {
  /** How many changes were reported so far. */
  readonly count: number;
  /** Resolves some time after a change, when it seems to be over, or when the signal aborts. Misses none between calls. */
  changed(signal: AbortSignal): Promise<void>;
  close(): void;
}

/**
 * Watches one file by its folder: a file that is replaced by a rename, as editors do it, or by exchanging the folder that
 * a link leads to, as Kubernetes does it, is another file, which whoever watches the first one does not see. Besides, it
 * looks at the file every `pollMs` (0 is never), since some file systems report nothing. It keeps no process alive.
 */
export function watchFile(path: string, pollMs: number): FileWatch {
  const folder = dirname(path);
  const name = basename(path);
  const changes = bell();
  let dirty = false;
  let count = 0;
  let watcher: FSWatcher | undefined;
  let seen = identity(path);

  const report = (): void => {
    dirty = true;
    count++;
    changes.ring();
  };

  const observe = (): void => {
    watcher?.close();
    watcher = undefined;
    try {
      const next = watch(folder, { persistent: false }, (_, changed) => {
        // Kubernetes exchanges `..data`, to which the links in the folder lead.
        if (changed === null || changed === name || changed === '..data') report();
      });
      next.on('error', () => next.close());
      watcher = next;
    } catch {
      // There is no such folder, or the system has no watchers left: looking now and then has to do.
    }
  };

  const poll = (): void => {
    const now = identity(path);
    if (now === seen) return;
    seen = now;
    // The folder may be another one as well.
    observe();
    report();
  };

  observe();
  const timer = pollMs === 0 ? undefined : setInterval(poll, Math.min(pollMs, LONGEST_TIMER_MS)).unref();

  return {
    get count() {
      return count;
    },
    async changed(signal) {
      if (!dirty) await changes.wait(signal);
      const end = performance.now() + LONGEST_WAIT_MS;
      while (dirty && !signal.aborted && performance.now() < end) {
        dirty = false;
        await pause(QUIET_MS, signal);
      }
      // What happens from here on happens after the file is read, or is read.
      dirty = false;
    },
    close() {
      clearInterval(timer);
      watcher?.close();
      watcher = undefined;
    },
  };
}

/** Differs when the file at a path does. */
function identity(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join();
  } catch {
    return 'absent';
  }
}
