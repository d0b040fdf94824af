import { MicroError } from '@micro/core';

/** What this package throws. */
export function pprofError(code: number, detail: string, cause?: unknown): MicroError {
  return new MicroError({ id: 'profile-pprof', code, detail, cause });
}
