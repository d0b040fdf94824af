import { CODE, MicroError } from '@micro/core';
import { LONGEST_TIMER_MS, onAbort } from '@micro/core/plugin';

/** Watches over one stream: that somebody answers, and that it fails with what went wrong first. */
export interface StreamSupervisor {
  /** Aborts when the stream is to end: it was interrupted, stood still, had a bad message, or is over. */
  readonly signal: AbortSignal;
  /** The time that the other side has to say something begins anew. */
  moved(): void;
  /** Messages on their way out. */
  outgoing<T>(messages: AsyncIterable<T>): AsyncIterable<T>;
  /** Messages that come in, at most so many; 0 is no limit. Their end is the end of the stream. */
  incoming<T>(messages: AsyncIterable<T>, limit?: number): AsyncIterable<T>;
  /** Waits for the one answer of a stream, which is its end. */
  answer<T>(answer: Promise<T>): Promise<T>;
}

/**
 * Makes a supervisor. `idleMs` is how long the other side may say nothing, 0 is for ever; `what` is the name of the stream.
 */
export function superviseStream(what: string, idleMs: number, outer: AbortSignal): StreamSupervisor {
  const controller = new AbortController();
  let failure: unknown;
  const fail = (reason: unknown): void => {
    failure ??= reason;
    controller.abort(reason);
  };
  const detach = onAbort(outer, () => fail(outer.reason));
  let timer: NodeJS.Timeout | undefined;
  const moved = (): void => {
    clearTimeout(timer);
    if (idleMs === 0 || idleMs > LONGEST_TIMER_MS || controller.signal.aborted) return;
    const detail = `${what}: no message for ${idleMs} ms`;
    timer = setTimeout(() => fail(new MicroError({ id: 'go.micro.client', code: CODE.timeout, detail })), idleMs);
  };
  const over = (): void => {
    detach();
    // Whoever still waits for stdin, or for its turn to send, need not any more.
    controller.abort();
    clearTimeout(timer);
  };
  /** What the stream reports may only be what came of the first failure. */
  const cause = (error: unknown): unknown => failure ?? error;

  return {
    signal: controller.signal,
    moved,
    async *outgoing(messages) {
      try {
        yield* messages;
      } catch (error) {
        fail(error);
        throw error;
      }
    },
    async *incoming(messages, limit = 0) {
      let count = 0;
      try {
        moved();
        for await (const message of messages) {
          moved();
          yield message;
          count += 1;
          if (count === limit) return;
        }
      } catch (error) {
        throw cause(error);
      } finally {
        over();
      }
    },
    async answer(answer) {
      try {
        return await answer;
      } catch (error) {
        throw cause(error);
      } finally {
        over();
      }
    },
  };
}
