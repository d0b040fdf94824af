import { CODE, type Code } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { abortError } from '../util/abort.ts';

const ID = 'go.micro.store';

/** An error of a store. */
export function storeError(code: Code, detail: string, cause?: unknown): MicroError {
  return new MicroError({ id: ID, code, detail, cause });
}

/** What every call of a closed store ends with. */
export function closedError(name: string): MicroError {
  return storeError(CODE.unavailable, `the ${name} store is closed; make another one`);
}

/** Throws when the signal of a call has aborted: a 408 when a timeout did it, a 499 otherwise, a `MicroError` as it is. */
export function refuseAborted(what: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortError(ID, what, signal.reason);
}
