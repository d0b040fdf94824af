import { CODE } from '../error/code.ts';
import { registryError } from './registry-error.ts';

/** How many events may wait for a watcher that does not take them. */
export const DEFAULT_EVENT_LIMIT = 4_096;

/** What an event queue takes. */
export interface EventQueueOptions {
  /** How many events may wait. One more fails the watch, so that its consumer asks anew instead of missing some. */
  readonly limit: number;
  /** Ends the watch. */
  readonly signal?: AbortSignal | undefined;
  /** Called once when the watch ends, for whatever reason; never for a signal that had aborted before it began. */
  readonly onEnd: () => void;
}

/** Between whoever reports events and the one who iterates over them. */
export interface EventQueue<T> {
  readonly events: AsyncIterableIterator<T>;
  readonly ended: boolean;
  push(event: T): void;
  /** Ends the watch; what was not yet taken is dropped. */
  end(): void;
  /** Ends the watch with an error, which the consumer's next step throws. */
  fail(error: Error): void;
}

/** Makes a queue of events for one watch, which has begun with it. Iterating twice shares the events. */
export function eventQueue<T>({ limit, signal, onEnd }: EventQueueOptions): EventQueue<T> {
  let waiting: T[] = [];
  let taken = 0;
  let error: Error | undefined;
  let ended = false;
  const takers: { resolve(result: IteratorResult<T>): void; reject(error: Error): void }[] = [];

  const finish = (reason?: Error): void => {
    if (ended) return;
    ended = true;
    waiting = [];
    taken = 0;
    signal?.removeEventListener('abort', onAbort);
    const [first, ...others] = takers.splice(0);
    if (reason === undefined) first?.resolve({ done: true, value: undefined });
    else if (first === undefined) error = reason;
    else first.reject(reason);
    for (const other of others) other.resolve({ done: true, value: undefined });
    onEnd();
  };
  const onAbort = (): void => finish();

  const events: AsyncIterableIterator<T> = {
    next() {
      if (error !== undefined) {
        const reason = error;
        error = undefined;
        return Promise.reject(reason);
      }
      if (ended) return Promise.resolve({ done: true, value: undefined });
      if (taken < waiting.length) {
        const value = waiting[taken++] as T;
        if (taken === waiting.length || taken === limit) {
          // What was taken is let go of now and then, also when the consumer never quite catches up.
          waiting = waiting.slice(taken);
          taken = 0;
        }
        return Promise.resolve({ done: false, value });
      }
      return new Promise((resolve, reject) => takers.push({ resolve, reject }));
    },
    return() {
      finish();
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]() {
      return events;
    },
  };

  if (signal?.aborted) ended = true;
  else signal?.addEventListener('abort', onAbort);

  return {
    events,
    get ended() {
      return ended;
    },
    push(event) {
      if (ended) return;
      const taker = takers.shift();
      if (taker !== undefined) taker.resolve({ done: false, value: event });
      else if (waiting.length - taken < limit) waiting.push(event);
      else {
        const detail = `a watch fell ${limit} events behind and was ended; take events faster, or ask for the services anew`;
        finish(registryError(CODE.tooManyRequests, detail));
      }
    },
    end: () => finish(),
    fail: finish,
  };
}
