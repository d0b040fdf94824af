/**
 * What somebody promises to iterate over, as an iterable. Whoever iterates waits for the promise first; what it is rejected
 * with is thrown there, and nowhere when nobody iterates.
 */
export function promisedIterable<T>(promised: Promise<AsyncIterable<T>>): AsyncIterable<T> {
  promised.catch(() => {});
  return {
    // No generator: its `return` would wait for a `next` that a silent source keeps open.
    [Symbol.asyncIterator]() {
      const iterator = promised.then((values) => values[Symbol.asyncIterator]());
      iterator.catch(() => {});
      return {
        next: async () => (await iterator).next(),
        async return() {
          await (await iterator).return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}
