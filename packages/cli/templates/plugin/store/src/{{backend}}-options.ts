import { CODE, MicroError, type StoreLimits } from '@micro/core';
import { numberOf } from '@micro/core/plugin';

/** What a {{backend}} store may take. Every number: `undefined` is the default, `0` is off. */
export interface {{Options}} extends StoreLimits {
  /** Where {{backend}} is: `host:port`, or several of them with commas between. */
  readonly address: string;
  /** What everything in {{backend}} begins with. Stores of one prefix see each other. Default `micro/store/`. */
  readonly prefix?: string | undefined;
  /** Where records are kept when a call does not say. Default `micro`. */
  readonly database?: string | undefined;
  /** Where records are kept when a call does not say. Default `micro`. */
  readonly table?: string | undefined;
  /** How long a question to {{backend}} may take, in milliseconds. Default 5,000; 0 is no limit. */
  readonly timeoutMs?: number | undefined;
}

/** The options when all of them have been checked. Throws 400 for one that makes no sense. */
export function checkOptions({ address, prefix = 'micro/store/', timeoutMs }: {{Options}}) {
  if (address.trim() === '') {
    throw new MicroError({ id: '{{package}}', code: CODE.badRequest, detail: 'address is empty; give host:port' });
  }
  return { address, start: prefix, timeoutMs: numberOf('timeoutMs', timeoutMs, 5_000) };
}
