import type { CallOptions, Flags } from '@micro/core';
import { parseGoDuration } from '@micro/core/plugin';
import { readHeaders } from '../input/headers.ts';

/** What a command line says about a call. */
export interface CallFlags {
  readonly header: readonly string[];
  readonly address?: string | undefined;
  /** Milliseconds. */
  readonly timeout?: number | undefined;
  readonly retries?: number | undefined;
  readonly contentType?: string | undefined;
}

/** Options of a call as its command line gives them. Throws a usage error for a header that cannot travel. */
export function callOptions(flags: CallFlags, signal: AbortSignal): CallOptions {
  return {
    signal,
    metadata: readHeaders(flags.header),
    address: flags.address,
    timeoutMs: flags.timeout,
    retries: flags.retries,
    contentType: flags.contentType,
  };
}

/** `--client_request_timeout` in milliseconds, where it was given. */
export function requestTimeoutMs(flags: Flags): number | undefined {
  const text = flags.client_request_timeout;
  return typeof text === 'string' ? parseGoDuration(text) : undefined;
}
