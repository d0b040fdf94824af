import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { onAbort } from './on-abort.ts';
import { LONGEST_TIMER_MS } from './timer.ts';

/**
 * Runs something that may hang, with a signal that aborts when its time is up, and does not wait for it longer than that.
 * Throws 408 naming what took too long. `0` is no limit. When `outer` aborts, that is the end of the wait too: it throws
 * the reason.
 */
export async function within<T>(
  ms: number,
  what: string,
  run: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
): Promise<T> {
  outer?.throwIfAborted();
  const controller = new AbortController();
  let giveUp: (reason: unknown) => void = () => {};
  const ended = new Promise<never>((_, reject) => {
    giveUp = (reason) => {
      controller.abort(reason);
      reject(reason);
    };
  });
  const timer =
    ms === 0 || ms > LONGEST_TIMER_MS
      ? undefined
      : setTimeout(() => {
          giveUp(new MicroError({ code: CODE.timeout, detail: `${what} took longer than ${ms} ms` }));
        }, ms);
  const detach = outer === undefined ? undefined : onAbort(outer, () => giveUp(outer.reason));
  try {
    return await Promise.race([run(controller.signal), ended]);
  } finally {
    clearTimeout(timer);
    detach?.();
  }
}
