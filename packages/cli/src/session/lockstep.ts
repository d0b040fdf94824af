import { onAbort } from '@micro/core/plugin';

/** Messages that take turns with their answers. */
export interface Lockstep {
  /** The messages, each after the answer to the one before. */
  sending<T>(messages: AsyncIterable<T>): AsyncIterable<T>;
  /** The answers, counted. */
  receiving<T>(answers: AsyncIterable<T>): AsyncIterable<T>;
}

/** Makes both sides wait for each other, until the signal aborts: go-micro's client sends like that. */
export function createLockstep(signal: AbortSignal): Lockstep {
  let answered = 0;
  let wake = (): void => {};
  return {
    async *sending(messages) {
      let sent = 0;
      for await (const message of messages) {
        yield message;
        sent += 1;
        while (answered < sent && !signal.aborted) {
          let detach = (): void => {};
          await new Promise<void>((resolve) => {
            wake = resolve;
            detach = onAbort(signal, resolve);
          });
          detach();
        }
      }
    },
    async *receiving(answers) {
      for await (const answer of answers) {
        answered += 1;
        wake();
        yield answer;
      }
    },
  };
}
