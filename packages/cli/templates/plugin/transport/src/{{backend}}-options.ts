import { limitOf } from '@micro/core/plugin';

/** What a {{backend}} transport may take. Every number: `undefined` is the default, `0` is off. */
export interface {{Options}} {
  /** The body of one message, in bytes; more is a 413. Default 16 MiB; 0 is no limit. */
  readonly maxMessageBytes?: number | undefined;
}

/** The options when all of them have been checked. Throws 400 for one that makes no sense. */
export function checkOptions({ maxMessageBytes }: {{Options}}) {
  return { maxMessageBytes: limitOf('maxMessageBytes', maxMessageBytes, 16 * 1024 * 1024) };
}
