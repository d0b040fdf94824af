import { CODE, MicroError } from '@micro/core';
import { cacheTtl, numberOf } from '@micro/core/plugin';

/** What a {{backend}} cache may take. Every number: `undefined` is the default, `0` is off. */
export interface {{Options}} {
  /** Where {{backend}} is: `host:port`, or several of them with commas between. */
  readonly address: string;
  /** What every key begins with. Caches of one prefix see each other. Default `micro/cache/`. */
  readonly prefix?: string | undefined;
  /** How long an entry lasts when a `put` does not say, in milliseconds. Default 0, which is for ever. */
  readonly ttlMs?: number | undefined;
  /** How long a question to {{backend}} may take, in milliseconds. Default 5,000; 0 is no limit. */
  readonly timeoutMs?: number | undefined;
}

/** The options when all of them have been checked. Throws 400 for one that makes no sense. */
export function checkOptions({ address, prefix = 'micro/cache/', ttlMs = 0, timeoutMs }: {{Options}}) {
  if (address.trim() === '') {
    throw new MicroError({ id: '{{package}}', code: CODE.badRequest, detail: 'address is empty; give host:port' });
  }
  return {
    address,
    prefix,
    usualTtlMs: cacheTtl('the cache', ttlMs),
    timeoutMs: numberOf('timeoutMs', timeoutMs, 5_000),
  };
}
