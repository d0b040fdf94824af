/**
 * The replies of a stream that middleware promised, as an `async` function does. Whoever iterates waits for the promise first;
 * what it is rejected with is thrown there, and nowhere when nobody iterates, as with replies that are there at once.
 */
export function promisedReplies(promised: Promise<unknown>): AsyncIterable<unknown> {
  promised.catch(() => {});
  return {
    // No generator: its `return` would wait for a `next` that a silent server keeps open.
    [Symbol.asyncIterator]() {
      const iterator = promised.then((replies) => (replies as AsyncIterable<unknown>)[Symbol.asyncIterator]());
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
