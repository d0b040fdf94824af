import type { Backoff, RetryPolicy } from '../contract/context.ts';
import type { Request } from '../contract/middleware.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { fullJitterMs } from '../util/full-jitter.ts';
import { sleep } from '../util/timer.ts';
import type { CallContext } from './call-context.ts';

/** The default: repeats only what provably did not run, or may run twice because its endpoint is marked idempotent. */
export const retryUnexecuted: RetryPolicy = (error) => error instanceof MicroError && error.unexecuted;

/** go-micro's policy: repeats whatever failed with 408 or 500, whether it ran or not. */
export const retryOnError: RetryPolicy = (error) =>
  error instanceof MicroError && (error.unexecuted || error.code === CODE.timeout || error.code === CODE.internal);

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 2_000;

/** The default pause before another attempt: anything up to 20 ms, doubling with each attempt, up to 2 s at most. */
export const fullJitter: Backoff = (attempt) => fullJitterMs(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, attempt - 2);

/** How calls of a client are repeated unless they say otherwise. */
export interface RetryDefaults {
  readonly retries: number;
  readonly retry: RetryPolicy;
  readonly backoff: Backoff;
}

/** What runs one attempt. */
export type Attempt = (request: Request, ctx: CallContext) => Promise<unknown>;

/** Runs attempts until one succeeds, the policy says no, or the time is up. */
export function withRetries(attempt: Attempt, defaults: RetryDefaults): Attempt {
  const again = async (request: Request, ctx: CallContext, error: unknown): Promise<unknown> => {
    await pauseOrThrow(error, ctx, defaults);
    return run(request, ctx);
  };
  // Only a failure makes a second promise wait; what succeeds at once goes straight through.
  const run: Attempt = (request, ctx) => attempt(request, ctx).catch((error: unknown) => again(request, ctx, error));
  return run;
}

/** Makes one attempt at a stream; calls `began` when the first answer has arrived. */
export type StreamAttempt = (request: Request, ctx: CallContext, began: () => void) => AsyncGenerator<unknown, void>;

/**
 * Runs attempts at a stream until one has begun to answer; from then on it cannot be repeated. No generator around another
 * one: each would cost every message two turns of the promise queue.
 */
export function streamWithRetries(
  attempt: StreamAttempt,
  request: Request,
  ctx: CallContext,
  defaults: RetryDefaults,
): AsyncIterableIterator<unknown> {
  let begun = false;
  let left = false;
  const open = (): AsyncGenerator<unknown, void> =>
    attempt(request, ctx, () => {
      begun = true;
    });
  let current = open();

  const first = async (): Promise<IteratorResult<unknown>> => {
    for (;;) {
      try {
        return await current.next();
      } catch (error) {
        if (begun) throw error;
        await pauseOrThrow(error, ctx, defaults);
        if (left) return { done: true, value: undefined };
        current = open();
      }
    }
  };
  const iterator: AsyncIterableIterator<unknown> = {
    next: () => (begun ? current.next() : first()),
    return() {
      left = true;
      return current.return();
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

/** Waits before the next attempt. Throws the error when there is to be none. */
async function pauseOrThrow(error: unknown, ctx: CallContext, defaults: RetryDefaults): Promise<void> {
  const { retries = defaults.retries, retry = defaults.retry, backoff = defaults.backoff, signal } = ctx.options;
  const failure = MicroError.from(error, { id: 'go.micro.client' });
  if (ctx.attempts > retries || signal?.aborted === true || !mayRepeat(failure, ctx, retry)) throw failure;
  const pause = backoff(ctx.attempts + 1);
  // Sleeping past the deadline would turn a clear error into a timeout.
  if (pause >= ctx.timeLeft()) throw failure;
  ctx.phase = 'back off';
  await sleep(pause, signal);
}

function mayRepeat(error: MicroError, ctx: CallContext, retry: RetryPolicy): boolean {
  if (retry(error, ctx.attempts, ctx)) return true;
  // An endpoint that is marked idempotent may also be repeated where its connection was lost on the way.
  return ctx.target.endpoint.idempotent && error.code === CODE.unavailable && retry === retryUnexecuted;
}
