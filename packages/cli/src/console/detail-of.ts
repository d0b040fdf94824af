import { MicroError } from '@micro/core';
import { reasonOf } from '@micro/core/plugin';
import { UsageError } from './usage-error.ts';

/** What an error says in full: one of ours names the value at fault and what to do, which may take a long line. */
export function detailOf(error: unknown): string {
  if (error instanceof MicroError) return error.detail;
  return error instanceof UsageError ? error.message : reasonOf(error);
}
