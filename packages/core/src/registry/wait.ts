import { CODE } from '../error/code.ts';
import { abortError, registryError } from './registry-error.ts';

/**
 * Runs something with a signal that aborts at its deadline (0: none) or when `closing` does, and stops waiting then,
 * whether it heeds the signal or not. Throws 408 at the deadline.
 */
export async function deadline<T>(
  what: string,
  timeoutMs: number,
  closing: AbortSignal,
  run: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const onClose = (): void => controller.abort(closing.reason);
  closing.addEventListener('abort', onClose, { once: true });
  const late = (): void =>
    controller.abort(registryError(CODE.timeout, `${what} took longer than ${timeoutMs} ms; is it running?`));
  const timer = timeoutMs === 0 ? undefined : setTimeout(late, timeoutMs);
  try {
    return await unlessAborted(Promise.resolve(run(controller.signal)), what, controller.signal);
  } finally {
    clearTimeout(timer);
    closing.removeEventListener('abort', onClose);
  }
}

/** The promise's outcome, or an error that names what was waited for as soon as the signal aborts. */
export function unlessAborted<T>(promise: Promise<T>, what: string, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortError(what, signal.reason));
    const settle = (): void => signal.removeEventListener('abort', onAbort);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    promise.then(resolve, reject).finally(settle);
  });
}

/** Waits so many milliseconds, less when the signal aborts. Does not keep the process alive. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    timer.unref();
    signal.addEventListener('abort', done, { once: true });
  });
}
