/** The promise's outcome, or `undefined` as soon as the signal aborts. What comes of the promise after that is dropped. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const abort = (): void => resolve(undefined);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Wakes everybody who waits for something to change. */
export interface Bell {
  /** Resolves with the next `ring`, or when the signal aborts. */
  wait(signal: AbortSignal): Promise<void>;
  ring(): void;
}

/** Makes a bell. It holds only those who wait at the moment: nothing queues up for those who do not. */
export function bell(): Bell {
  const waiting = new Set<() => void>();
  return {
    wait: (signal) =>
      new Promise((resolve) => {
        const done = (): void => {
          waiting.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        if (signal.aborted) return resolve();
        waiting.add(done);
        signal.addEventListener('abort', done, { once: true });
      }),
    ring() {
      for (const done of [...waiting]) done();
    },
  };
}

/**
 * The values of a generator that ends when its signal aborts, with a `return` that ends it too where it would otherwise
 * wait for the next value first.
 */
export function endable<T>(
  outer: AbortSignal | undefined,
  generate: (signal: AbortSignal) => AsyncGenerator<T, void>,
): AsyncIterableIterator<T> {
  const controller = new AbortController();
  const signal = outer === undefined ? controller.signal : AbortSignal.any([controller.signal, outer]);
  const generator = generate(signal);
  const values: AsyncIterableIterator<T> = {
    next: () => generator.next(),
    return() {
      controller.abort();
      return generator.return();
    },
    [Symbol.asyncIterator]: () => values,
  };
  return values;
}
