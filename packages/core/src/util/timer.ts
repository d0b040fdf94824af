import { onAbort } from './on-abort.ts';

/** Resolves after a while, earlier when the signal aborts. Keeps the process alive meanwhile, since somebody waits. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      detach?.();
      resolve();
    };
    const timer = setTimeout(done, ms);
    const detach = signal === undefined ? undefined : onAbort(signal, done);
  });
}
