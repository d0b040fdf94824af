/** What is kept under a key. */
export interface RedisValue {
  /** A copy, which nobody else has. */
  readonly value: Buffer;
  /** In milliseconds since the epoch, by the clock of this machine; `undefined` when it does not end. */
  readonly expiresAt: number | undefined;
}

/** What a write may take. */
export interface RedisWriteOptions {
  /** Ends the value after so many milliseconds, the next whole one; 0 is never. */
  readonly ttlMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Values under keys. Each of these is one round trip, and those of one tick share it. */
export interface RedisValues {
  /** `undefined` when there is none, or it has ended. Throws 409 when the key holds something else than a value. */
  read(key: string, signal?: AbortSignal): Promise<RedisValue | undefined>;
  /** Two writes to one key are kept in the order in which they were begun. The bytes are not copied. */
  write(key: string, value: string | Buffer, options: RedisWriteOptions): Promise<void>;
  /** Nothing happens when there is none. */
  remove(key: string, signal?: AbortSignal): Promise<void>;
}
