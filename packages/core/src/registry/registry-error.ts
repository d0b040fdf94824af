import type { Code } from '../error/code.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';

const ID = 'go.micro.registry';

/** An error of a registry. */
export function registryError(code: Code, detail: string, cause?: unknown): MicroError {
  return new MicroError({ id: ID, code, detail, cause });
}

/** What a wait ends with when its signal aborts: 408 when a timeout did it, 499 otherwise. */
export function abortError(what: string, reason: unknown): MicroError {
  if (reason instanceof MicroError) return reason;
  const timedOut = reason instanceof Error && reason.name === 'TimeoutError';
  return registryError(
    timedOut ? CODE.timeout : CODE.cancelled,
    timedOut ? `${what} took longer than its signal allows` : `${what} was cancelled`,
    reason,
  );
}
