import { CODE, type FailureOptions, MicroError } from '@micro/core';
import { limitOf, numberOf } from '@micro/core/plugin';

/** What a {{backend}} broker may take. Every number: `undefined` is the default, `0` is off. */
export interface {{Options}} extends FailureOptions {
  /** Where {{backend}} is: `host:port`, or several of them with commas between. */
  readonly address: string;
  /** What every topic begins with in {{backend}}. Brokers of one prefix hear each other. Default none. */
  readonly prefix?: string | undefined;
  /** The largest body of a message, in bytes; more is a 413. Default 16 MiB; 0 is no limit. */
  readonly maxMessageBytes?: number | undefined;
  /** How long a question to {{backend}} may take, in milliseconds. Default 5,000; 0 is no limit. */
  readonly timeoutMs?: number | undefined;
}

/** The options when all of them have been checked. Throws 400 for one that makes no sense. */
export function checkOptions({ address, prefix = '', maxMessageBytes, timeoutMs }: {{Options}}) {
  if (address.trim() === '') {
    throw new MicroError({ id: '{{package}}', code: CODE.badRequest, detail: 'address is empty; give host:port' });
  }
  return {
    address,
    prefix,
    maxMessageBytes: limitOf('maxMessageBytes', maxMessageBytes, 16 * 1024 * 1024),
    timeoutMs: numberOf('timeoutMs', timeoutMs, 5_000),
  };
}
