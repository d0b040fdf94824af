import { MicroError } from '@micro/core';
import { reasonOf } from '@micro/core/plugin';

/** What an error says in full: one of ours names the value at fault and what to do, which may take a long line. */
export function detailOf(error: unknown): string {
  return error instanceof MicroError ? error.detail : reasonOf(error);
}
