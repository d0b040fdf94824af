import { CODE, MicroError } from '@micro/core';
import { numberOf } from '@micro/core/plugin';

/** What a {{backend}} auth may take. Every number: `undefined` is the default, `0` is off. */
export interface {{Options}} {
  /** Where {{backend}} is: `host:port`, or several of them with commas between. */
  readonly address: string;
  /** The issuer of every account. Those of one namespace accept the tokens of each other. Default `go.micro`. */
  readonly namespace?: string | undefined;
  /** How long an access token lives unless its request says otherwise, in milliseconds. Default 60,000; 0 is for ever. */
  readonly ttlMs?: number | undefined;
  /** How long a question to {{backend}} may take, in milliseconds. Default 5,000; 0 is no limit. */
  readonly timeoutMs?: number | undefined;
}

/** The options when all of them have been checked. Throws 400 for one that makes no sense. */
export function checkOptions({ address, namespace = 'go.micro', ttlMs, timeoutMs }: {{Options}}) {
  if (address.trim() === '') {
    throw new MicroError({ id: '{{package}}', code: CODE.badRequest, detail: 'address is empty; give host:port' });
  }
  return {
    address,
    namespace,
    usualTtlMs: numberOf('ttlMs', ttlMs, 60_000),
    timeoutMs: numberOf('timeoutMs', timeoutMs, 5_000),
  };
}
