import { onAbort } from './on-abort.ts';

/** What a timer can wait for at most, in milliseconds: about 24 days. Node takes a longer one for one that is due at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Resolves after a while, earlier when the signal aborts. Keeps the process alive meanwhile, since somebody waits. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return wait(ms, signal, true);
}

/** The same for what goes on in the background: it keeps no process alive. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return wait(ms, signal, false);
}

function wait(ms: number, signal: AbortSignal | undefined, holds: boolean): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      detach?.();
      resolve();
    };
    const timer = setTimeout(done, Math.min(ms, LONGEST_TIMER_MS));
    if (!holds) timer.unref();
    const detach = signal === undefined ? undefined : onAbort(signal, done);
  });
}
