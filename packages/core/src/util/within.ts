import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';

/**
 * Runs something that may hang, with a signal that aborts when its time is up, and does not wait for it longer than that.
 * Throws 408 naming what took too long. `0` is no limit.
 */
export function within<T>(ms: number, what: string, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  if (ms === 0) return run(controller.signal);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const error = new MicroError({ code: CODE.timeout, detail: `${what} took longer than ${ms} ms` });
      controller.abort(error);
      reject(error);
    }, ms);
    run(controller.signal)
      .finally(() => clearTimeout(timer))
      .then(resolve, reject);
  });
}
