import { reasonOf } from '@micro/core/plugin';
import { watch as watchPaths } from 'chokidar';
import { createWatched, type WatchedOptions } from './watched.ts';

/** An editor saves in several steps, and a person several files: only when it was quiet so long something is done. */
const QUIET_MS = 150;
/** What is never quiet is taken up all the same. */
const LONGEST_WAIT_MS = 2_000;
/** A file system that takes longer to be walked is watched from some time later on. */
const READY_MS = 10_000;

/** What is watched, and who is told. */
export interface WatchOptions extends WatchedOptions {
  /** Gets the files that were changed, added or removed since it was last called, in the order in which they were. */
  readonly onChange: (files: readonly string[]) => void;
  /** Gets why something cannot be watched. */
  readonly onError: (reason: string) => void;
}

/** A watch that runs. */
export interface Watch {
  /** Resolves when changes are seen from now on. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** Watches folders and what is in them, also folders that come later, and tells of changes once they have settled. */
export function watchFiles({ onChange, onError, ...options }: WatchOptions): Watch {
  const watched = createWatched(options);
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let since = 0;

  const tell = (): void => {
    timer = undefined;
    const files = [...changed];
    changed.clear();
    onChange(files);
  };
  const note = (file: string): void => {
    if (timer === undefined) since = performance.now();
    changed.add(file);
    clearTimeout(timer);
    timer = setTimeout(tell, Math.min(QUIET_MS, Math.max(0, since + LONGEST_WAIT_MS - performance.now())));
  };

  const watcher = watchPaths([...watched.paths], {
    ignoreInitial: true,
    // A link may lead anywhere, also back; linked packages are roots by their real paths.
    followSymlinks: false,
    ignored: (path, stats) => watched.ignores(path, stats),
  });
  watcher.on('change', note).on('add', note).on('unlink', note);
  watcher.on('error', (error) => onError(wordsOf(error)));

  return {
    ready: new Promise((resolve) => {
      const late = setTimeout(resolve, READY_MS);
      watcher.once('ready', () => {
        clearTimeout(late);
        resolve();
      });
    }),
    async close() {
      clearTimeout(timer);
      await watcher.close();
    },
  };
}

function wordsOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EMFILE') return reasonOf(error);
  return `${reasonOf(error)}; raise fs.inotify.max_user_watches, or set CHOKIDAR_USEPOLLING=1`;
}
