import { CODE, MicroError } from '@micro/core';
import { numberOf } from '@micro/core/plugin';

/** What a {{backend}} registry may take. Every number: `undefined` is the default, `0` is off. */
export interface {{Options}} {
  /** Where {{backend}} is: `host:port`, or several of them with commas between. */
  readonly address: string;
  /** What every key begins with. Registries of one prefix see each other. Default `micro/registry/`. */
  readonly prefix?: string | undefined;
  /** How long a question to {{backend}} may take, in milliseconds. Default 5,000; 0 is no limit. */
  readonly timeoutMs?: number | undefined;
}

/** The options when all of them have been checked. Throws 400 for one that makes no sense. */
export function checkOptions({ address, prefix = 'micro/registry/', timeoutMs }: {{Options}}) {
  if (address.trim() === '') {
    throw new MicroError({ id: '{{package}}', code: CODE.badRequest, detail: 'address is empty; give host:port' });
  }
  return { address, prefix, timeoutMs: numberOf('timeoutMs', timeoutMs, 5_000) };
}
