import type { Code } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { abortError, unlessAborted as unlessAbortedOr } from '../util/abort.ts';

const ID = 'go.micro.runtime';

/** An error of a runtime. */
export function runtimeError(code: Code, detail: string, cause?: unknown): MicroError {
  return new MicroError({ id: ID, code, detail, cause });
}

/** Throws when the signal has aborted: 408 when a timeout did it, 499 otherwise. */
export function refuseAborted(what: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortError(ID, what, signal.reason);
}

/** The promise's outcome, or an error that names what was waited for as soon as the signal aborts. */
export function unlessAborted<T>(promise: Promise<T>, what: string, signal: AbortSignal | undefined): Promise<T> {
  return unlessAbortedOr(promise, signal, (reason) => abortError(ID, what, reason));
}
