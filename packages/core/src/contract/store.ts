/** A stored value under its key. */
export interface StoreRecord {
  readonly key: string;
  readonly value: Uint8Array;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** When the record ends, in milliseconds since the epoch; `undefined` when it does not. */
  readonly expiresAt?: number | undefined;
}

/** Where records are kept apart from other people's. */
export interface StoreScope {
  /** Default: the store's own. */
  readonly database?: string | undefined;
  /** Default: the store's own. */
  readonly table?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Which records one read means. */
export interface ReadOptions extends StoreScope {
  /** The key is the beginning of the keys that are meant. */
  readonly prefix?: boolean | undefined;
  /** The key is the end of the keys that are meant. */
  readonly suffix?: boolean | undefined;
  /** At most so many. Default: all; 0 is no limit. */
  readonly limit?: number | undefined;
  /** Leave out so many first. Default 0. */
  readonly offset?: number | undefined;
}

/** What one write may take. */
export interface WriteOptions extends StoreScope {
  /** Ends the record after so many milliseconds. Default: never; 0 is never. */
  readonly ttlMs?: number | undefined;
}

/** Which keys are listed. Default: all. */
export interface ListOptions extends StoreScope {
  readonly prefix?: string | undefined;
  readonly suffix?: string | undefined;
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
}

/** Keeps records. */
export interface Store {
  readonly name: string;
  /** The records that are meant, sorted by key; `[]` when there are none. */
  read(key: string, options?: ReadOptions): Promise<readonly StoreRecord[]>;
  write(record: Omit<StoreRecord, 'expiresAt'>, options?: WriteOptions): Promise<void>;
  /** Nothing happens when there is no such record. */
  delete(key: string, options?: StoreScope): Promise<void>;
  /** The keys that are meant, sorted. */
  list(options?: ListOptions): Promise<readonly string[]>;
  close(): Promise<void>;
}
