/** Between several who write and one who reads. */
export interface HandOver<T> {
  /** Resolves when there is room for more, or nobody reads any more. */
  put(item: T): Promise<void>;
  /** What is waiting can still be taken. */
  end(): void;
  /** The reader gets what is waiting, and then the error. */
  fail(error: unknown): void;
  items(): AsyncGenerator<T, void, undefined>;
}

/** Makes one that holds up whoever writes as soon as so many are waiting. */
export function handOver<T>(limit: number): HandOver<T> {
  const waiting: T[] = [];
  let ended = false;
  let failure: { readonly error: unknown } | undefined;
  let wakeReader: () => void = () => {};
  const writers: (() => void)[] = [];
  const finish = (): void => {
    ended = true;
    wakeReader();
    for (const go of writers.splice(0)) go();
  };
  return {
    async put(item) {
      if (ended) return;
      waiting.push(item);
      wakeReader();
      while (waiting.length >= limit && !ended) await new Promise<void>((resolve) => writers.push(resolve));
    },
    end: finish,
    fail(error) {
      failure ??= { error };
      finish();
    },
    async *items() {
      try {
        for (;;) {
          const item = waiting.shift();
          if (item !== undefined) {
            yield item;
            for (const go of writers.splice(0)) go();
          } else if (ended) {
            if (failure !== undefined) throw failure.error;
            return;
          } else {
            await new Promise<void>((resolve) => {
              wakeReader = resolve;
            });
          }
        }
      } finally {
        finish();
      }
    },
  };
}
