import { CODE, MicroError } from '@micro/core';
import { abortError, reasonOf, within } from '@micro/core/plugin';

const ID = '{{package}}';

/**
 * Asks the backend something and returns its answer. `what` is how errors call it; the caller's `signal` ends the wait. The
 * question gets a signal that aborts when nobody waits for the answer any more: hand it to the client.
 */
export type Ask = <T>(
  what: string,
  signal: AbortSignal | undefined,
  question: (signal: AbortSignal) => Promise<T>,
) => Promise<T>;

/**
 * Gives each question to the backend at `where` a deadline (0 is none), and makes a `MicroError` of whatever goes wrong: 408
 * when the time is up, 499 when the caller's signal aborts, 503 for what the client throws. A `MicroError` stays what it is.
 */
export function createAsk(where: string, timeoutMs: number): Ask {
  return async (what, signal, question) => {
    try {
      return await within(timeoutMs, `${what} in ${where}`, question, signal);
    } catch (cause) {
      if (cause instanceof MicroError) throw cause;
      if (signal?.aborted === true) throw abortError(ID, what, signal.reason);
      const detail = `${what} failed: ${reasonOf(cause)}; is ${where} up?`;
      throw new MicroError({ id: ID, code: CODE.unavailable, detail, cause });
    }
  };
}
