import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';

/** A number as the user gave it, or the usual one. Throws 400 naming the option for what is no number from 0 on. */
export function numberOf(name: string, given: number | undefined, usual: number): number {
  const number = given ?? usual;
  if (typeof number === 'number' && number >= 0) return number;
  throw new MicroError({
    code: CODE.badRequest,
    detail: `${name} is ${String(number)}; it has to be a number from 0 on`,
  });
}

/** A limit as the user gave it, or the usual one; 0 is no limit, which is `Infinity`. Throws as `numberOf` does. */
export function limitOf(name: string, given: number | undefined, usual: number): number {
  const limit = numberOf(name, given, usual);
  return limit === 0 ? Number.POSITIVE_INFINITY : limit;
}
