import { CODE, type Code } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';

const ID = 'go.micro.cache';

/** An error of a cache. */
export function cacheError(code: Code, detail: string, cause?: unknown): MicroError {
  return new MicroError({ id: ID, code, detail, cause });
}

/** A count or a size as the user gave it, or the usual one. Throws 400 for what is no whole number from 0 on. */
export function cacheLimit(name: string, given: number | undefined, usual: number): number {
  const limit = given ?? usual;
  if (Number.isSafeInteger(limit) && limit >= 0) return limit;
  throw cacheError(CODE.badRequest, `${name} is ${limit}; it has to be a whole number from 0 on`);
}

/** The time to live of what is called `what`, in milliseconds. Throws 400 for what is no time; 0 is one. */
export function cacheTtl(what: string, ttlMs: number): number {
  if (Number.isFinite(ttlMs) && ttlMs >= 0) return ttlMs;
  throw cacheError(CODE.badRequest, `the ttlMs of ${what} is ${ttlMs}; give a positive number, or 0 for no end`);
}
