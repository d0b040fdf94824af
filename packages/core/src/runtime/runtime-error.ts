import { CODE, type Code } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';

const ID = 'go.micro.runtime';

/** An error of a runtime. */
export function runtimeError(code: Code, detail: string, cause?: unknown): MicroError {
  return new MicroError({ id: ID, code, detail, cause });
}

/** Throws when the signal has aborted: 408 when a timeout did it, 499 otherwise. */
export function refuseAborted(what: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortError(what, signal.reason);
}

/** The promise's outcome, or an error that names what was waited for as soon as the signal aborts. */
export function unlessAborted<T>(promise: Promise<T>, what: string, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortError(what, signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function abortError(what: string, reason: unknown): MicroError {
  if (reason instanceof MicroError) return reason;
  const isLate = reason instanceof Error && reason.name === 'TimeoutError';
  return runtimeError(
    isLate ? CODE.timeout : CODE.cancelled,
    isLate ? `${what} took longer than its signal allows` : `${what} was cancelled`,
    reason,
  );
}
