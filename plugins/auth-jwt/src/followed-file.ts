import { readFileSync, statSync } from 'node:fs';
import { CODE, type Logger, MicroError } from '@micro/core';
import { authError, reasonOf } from '@micro/core/plugin';

/** How a file is read and followed. */
export interface FollowedFileOptions<T> {
  readonly file: string;
  /** What it is, for errors and the log, such as `publicKeyFile`. */
  readonly what: string;
  /** Throws for a text that makes no sense. */
  readonly parse: (text: string) => T;
  /** How long what was read counts while the file cannot be read, in milliseconds; 0 is no limit. */
  readonly staleMs: number;
  readonly logger: Logger | undefined;
}

/** What is in a file, as it is now. */
export interface FollowedFile<T> {
  /** Looks at the file once in a second at most. Throws 503 when it could not be read for too long. */
  read(): T;
  /** Looks at the file at once. */
  lookAgain(): T;
}

/** As core's TLS does it: looked at when it is used, so no timer runs and no watcher can miss anything. */
const LOOK_EVERY_MS = 1_000;
/** Longer files are no keys. */
const MOST_BYTES = 1_048_576;

/**
 * Reads a file now, so that one that is missing is an error at the start, and again when it has changed. While a changed
 * file cannot be read or makes no sense, what was read before counts, for `staleMs` at most.
 */
export function followedFile<T>({ file, what, parse, staleMs, logger }: FollowedFileOptions<T>): FollowedFile<T> {
  const stamp = (): string => {
    const { mtimeMs, size, ino } = statSync(file);
    if (size > MOST_BYTES) throw new Error(`it has ${size} bytes, more than ${MOST_BYTES}`);
    return `${mtimeMs} ${size} ${ino}`;
  };
  /** What is said of it by whoever parses it names the file already. */
  const reason = (cause: unknown): string =>
    cause instanceof MicroError ? cause.detail : `cannot read ${what} ${file}: ${reasonOf(cause)}`;

  let seen: string;
  let value: T;
  try {
    seen = stamp();
    value = parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw authError(CODE.badRequest, reason(cause), cause);
  }
  let lookedAt = performance.now();
  let goodAt = lookedAt;
  let failure: Error | undefined;

  const look = (): T => {
    lookedAt = performance.now();
    try {
      const now = stamp();
      // The stamp is of before the reading: what changes meanwhile is seen the next time.
      if (now !== seen || failure !== undefined) {
        value = parse(readFileSync(file, 'utf8'));
        seen = now;
        logger?.log('info', `${what} ${file} was read again`);
      }
      goodAt = lookedAt;
      failure = undefined;
    } catch (cause) {
      if (failure === undefined) logger?.log('warn', `${reason(cause)}; what it held before counts`);
      failure = authError(CODE.unavailable, reason(cause), cause);
    }
    return usable();
  };

  const usable = (): T => {
    if (failure !== undefined && staleMs > 0 && lookedAt - goodAt >= staleMs) throw failure;
    return value;
  };

  return {
    read: () => (performance.now() - lookedAt < LOOK_EVERY_MS ? usable() : look()),
    lookAgain: look,
  };
}
