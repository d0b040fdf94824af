/** What a cache returns: the value and when it ends. */
export interface CacheEntry {
  readonly value: unknown;
  /** In milliseconds since the epoch; `undefined` when it does not end. */
  readonly expiresAt: number | undefined;
}

/** What one entry may take. */
export interface CachePutOptions {
  /** Ends the entry after so many milliseconds. Default: the cache's own; 0 is never. */
  readonly ttlMs?: number | undefined;
}

/** Remembers values for a while. */
export interface Cache {
  readonly name: string;
  /** The entry, or `undefined` when there is none or it has ended. */
  get(key: string): Promise<CacheEntry | undefined>;
  put(key: string, value: unknown, options?: CachePutOptions): Promise<void>;
  delete(key: string): Promise<void>;
  close(): Promise<void>;
}
