import type { Backoff, RetryPolicy } from '../contract/context.ts';
import type { Middleware } from '../contract/middleware.ts';

/** How a service calls others. Every number: `undefined` is the default, `0` is off. */
export interface ClientSettings {
  /** Around every call, the first one outermost. */
  readonly middleware?: readonly Middleware[] | undefined;
  /** What calls use unless they say otherwise. Default `application/json`, as in go-micro. */
  readonly contentType?: string | undefined;
  /** How long a call may take, in milliseconds, all attempts included. Default 5,000. */
  readonly timeoutMs?: number | undefined;
  /** How long a stream may take, in milliseconds. Default 0: no limit. */
  readonly streamTimeoutMs?: number | undefined;
  /** How long connecting may take, in milliseconds. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** How often a failed attempt is repeated. Default 3. */
  readonly retries?: number | undefined;
  /** Which failures are repeated. Default `retryUnexecuted`: those that provably did not run the handler. */
  readonly retry?: RetryPolicy | undefined;
  /** The pause before another attempt. Default: full jitter, doubling from 20 ms. */
  readonly backoff?: Backoff | undefined;
}
