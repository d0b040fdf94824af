import { loadPino } from './load-pino.ts';

/** Anything that takes text: a stream, or an object with the one function. */
export interface LogDestination {
  write(text: string): unknown;
}

/** How much text is kept for a descriptor that takes none at the moment; what comes after that is dropped. 1 MiB. */
const MAX_PENDING = 1024 * 1024;

/** When a descriptor that took nothing is tried again, in milliseconds. */
const RETRY_MS = 50;

/**
 * Writes to a file descriptor before `write` returns, so that a line is out even if the next statement ends the process.
 * It never throws. What a full non-blocking pipe does not take is kept, within a limit, and tried again soon; once nobody
 * reads (EPIPE) lines are dropped. The descriptor stays the caller's and is never closed here.
 */
export function descriptorDestination(fd: number): LogDestination {
  const stream = loadPino().destination({ dest: fd, sync: true, maxLength: MAX_PENDING, retryEAGAIN: () => false });
  let retry: NodeJS.Timeout | undefined;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // A full pipe empties without a word to us. Any other failure is met again, or not, with the next line.
    if (error.code !== 'EAGAIN' || retry !== undefined) return;
    retry = setTimeout(() => {
      retry = undefined;
      stream.write('');
    }, RETRY_MS);
    retry.unref();
  });
  // Only `write` is handed on: its `flushSync`, which pino calls after a fatal line, loses text when the pipe is full.
  return { write: (text) => stream.write(text) };
}
