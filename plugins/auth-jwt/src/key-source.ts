import type { KeySet } from './key-set.ts';

/** Where the keys come from that tokens are checked with. It has no timers: whoever reads it makes it look again. */
export interface KeySource {
  /** The keys as they are now; a promise only while they have to be waited for. Throws 503 when there are none to be had. */
  read(): KeySet | Promise<KeySet>;
  /** The keys after a token named one that is not among them: looked for again, unless that was done a moment ago. */
  lookAgain(): KeySet | Promise<KeySet>;
}

/** Keys that stay as they are. */
export function fixedKeys(keys: KeySet): KeySource {
  return { read: () => keys, lookAgain: () => keys };
}
