import { CODE, MicroError } from '@micro/core';
import { limitOf, numberOf } from '@micro/core/plugin';

/** What an LMDB store may take. Every number: `undefined` is the default, `0` is off. */
export interface LmdbStoreOptions {
  /** The folder with the data. Made on the first call; every process of this machine may have it open. */
  readonly path: string;
  /** Where records are kept when a call does not say. Default `micro`. */
  readonly database?: string | undefined;
  /** Where records are kept when a call does not say. Default `micro`. */
  readonly table?: string | undefined;
  /** The largest value together with its metadata, in bytes; a larger one is a 413. Default 16 MiB; 0 is no limit. */
  readonly maxValueBytes?: number | undefined;
  /** How long a write may wait for the disk and for other processes that write, in milliseconds. Default 5,000; 0 is no limit. */
  readonly timeoutMs?: number | undefined;
  /** How often records that ended are removed from the disk, in milliseconds. Default 60,000; 0 is never. */
  readonly sweepMs?: number | undefined;
}

/** The options when all of them have been checked. Throws 400 for one that makes no sense. */
export function checkOptions({ path, timeoutMs, sweepMs, maxValueBytes }: LmdbStoreOptions) {
  if (path.trim() === '') {
    throw new MicroError({ id: '@acme/store-lmdb', code: CODE.badRequest, detail: 'path is empty; give a folder' });
  }
  limitOf('maxValueBytes', maxValueBytes, 0);
  return { path, timeoutMs: numberOf('timeoutMs', timeoutMs, 5_000), sweepMs: numberOf('sweepMs', sweepMs, 60_000) };
}
