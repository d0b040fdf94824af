import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { onAbort } from './on-abort.ts';

/**
 * What a wait ends with when its signal aborts: a 408 when a timeout did it, a 499 otherwise, a `MicroError` as it is. `id`
 * says whose error it is, `what` was waited for.
 */
export function abortError(id: string, what: string, reason: unknown): MicroError {
  if (reason instanceof MicroError) return reason;
  const isLate = reason instanceof Error && reason.name === 'TimeoutError';
  return new MicroError({
    id,
    code: isLate ? CODE.timeout : CODE.cancelled,
    detail: isLate ? `${what} took longer than its signal allows` : `${what} was cancelled`,
    cause: reason,
  });
}

/**
 * The promise's outcome, or the error that is made of the signal's reason as soon as it aborts. What comes of the promise
 * after that is dropped.
 */
export function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  errorOf: (reason: unknown) => Error,
): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const detach = onAbort(signal, () => reject(errorOf(signal.reason)));
    promise.then(resolve, reject).finally(detach);
  });
}
