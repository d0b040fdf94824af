import type { Account } from '@micro/core';
import type { KeySet } from './key-set.ts';

/** Remembers whose tokens were found valid, so that a token is verified once and not with each call. */
export interface TokenCache {
  /** Whose token it is, when it was found valid with these keys and has not run out. */
  get(token: string, keys: KeySet): Account | undefined;
  put(token: string, keys: KeySet, account: Account, expiresAtMs: number): void;
}

interface Entry {
  readonly account: Account;
  readonly expiresAtMs: number;
}

/**
 * A cache of so many tokens at most; the one that was not asked for the longest makes room. Other keys empty it, so a key that
 * is gone takes everything with it that it has signed. Only what is valid is remembered: nobody fills it with garbage.
 */
export function tokenCache(maxTokens: number): TokenCache {
  const entries = new Map<string, Entry>();
  let keysOfAll: KeySet | undefined;
  return {
    get(token, keys) {
      if (keys !== keysOfAll) return undefined;
      const entry = entries.get(token);
      if (entry === undefined) return undefined;
      entries.delete(token);
      if (entry.expiresAtMs <= Date.now()) return undefined;
      // A Map keeps the order in which keys were added: what is used goes to the end.
      entries.set(token, entry);
      return entry.account;
    },
    put(token, keys, account, expiresAtMs) {
      if (maxTokens === 0) return;
      if (keys !== keysOfAll) entries.clear();
      keysOfAll = keys;
      // A copy: the text may be a piece of a whole header, which it would keep in memory.
      entries.set(Buffer.from(token, 'latin1').toString('latin1'), { account, expiresAtMs });
      if (entries.size <= maxTokens) return;
      const [oldest = ''] = entries.keys();
      entries.delete(oldest);
    },
  };
}
