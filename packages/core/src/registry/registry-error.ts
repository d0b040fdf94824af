import type { Code } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { abortError as abortErrorOf } from '../util/abort.ts';

const ID = 'go.micro.registry';

/** An error of a registry. */
export function registryError(code: Code, detail: string, cause?: unknown): MicroError {
  return new MicroError({ id: ID, code, detail, cause });
}

/** What a wait ends with when its signal aborts: 408 when a timeout did it, 499 otherwise. */
export function abortError(what: string, reason: unknown): MicroError {
  return abortErrorOf(ID, what, reason);
}

/** Throws when the signal has aborted, as `abortError` says. */
export function refuseAborted(what: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortError(what, signal.reason);
}
