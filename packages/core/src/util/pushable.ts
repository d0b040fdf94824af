/** An iterable that is filled from outside, one value at a time. */
export interface Pushable<T> extends AsyncIterable<T> {
  /** Resolves once the reader has taken the value and come back for the next one. Throws after the end. */
  send(value: T): Promise<void>;
  /** No more values. */
  end(): void;
  /** The reader gets an error after what it has not taken yet is dropped; senders that wait get it too. */
  fail(error: Error): void;
}

/** Makes an empty one. The values that wait are as many as there are senders that wait. */
export function createPushable<T>(): Pushable<T> {
  const waiting: { value: T; taken: () => void; failed: (error: Error) => void }[] = [];
  let reader: { resolve: (result: IteratorResult<T>) => void; reject: (error: Error) => void } | undefined;
  let handedOut: (() => void) | undefined;
  let ended = false;
  let failure: Error | undefined;

  const finish = (error: Error | undefined): void => {
    ended = true;
    failure ??= error;
    handedOut?.();
    handedOut = undefined;
    if (waiting.length > 0 && error === undefined) return;
    for (const sender of waiting.splice(0)) sender.failed(error ?? new Error('the stream has ended'));
    const pending = reader;
    reader = undefined;
    if (error === undefined) pending?.resolve({ done: true, value: undefined });
    else pending?.reject(error);
  };

  const iterator: AsyncIterator<T> = {
    next() {
      handedOut?.();
      handedOut = undefined;
      const sender = waiting.shift();
      if (sender !== undefined) {
        handedOut = sender.taken;
        return Promise.resolve({ done: false, value: sender.value });
      }
      if (failure !== undefined) return Promise.reject(failure);
      if (ended) return Promise.resolve({ done: true, value: undefined });
      return new Promise((resolve, reject) => {
        reader = { resolve, reject };
      });
    },
    async return() {
      finish(new Error('the stream has ended'));
      return { done: true, value: undefined };
    },
  };

  return {
    send(value) {
      if (ended) return Promise.reject(failure ?? new Error('the stream has ended'));
      const pending = reader;
      return new Promise((taken, failed) => {
        if (pending === undefined) {
          waiting.push({ value, taken, failed });
        } else {
          reader = undefined;
          handedOut = taken;
          pending.resolve({ done: false, value });
        }
      });
    },
    end: () => finish(undefined),
    fail: (error) => finish(error),
    [Symbol.asyncIterator]: () => iterator,
  };
}
