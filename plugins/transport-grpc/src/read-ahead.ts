import type { Message } from '@micro/core';

/** How much of a stream is read before it is taken: what core's own streams have as their window. */
const WINDOW_BYTES = 256 * 1024;
/** What a message counts besides its body, so that a window of empty messages is limited too. */
const MESSAGE_COST = 64;

/** Decides when the next message of a stream is read: while what waits to be taken fits into the window. */
export interface ReadAhead {
  /** One arrived. */
  arrived(message: Message): void;
  /** Some were taken; `cost` is what the exchange says they count. */
  taken(cost: number): void;
  /** Begins with the next stream. */
  reset(): void;
}

/** Makes one; `read` asks for one more message. */
export function readAhead(read: () => void): ReadAhead {
  let waiting = 0;
  const go = (): void => {
    if (waiting < WINDOW_BYTES) read();
  };
  return {
    arrived({ body }) {
      waiting += body.length + MESSAGE_COST;
      go();
    },
    taken(cost) {
      waiting -= cost;
      go();
    },
    reset() {
      waiting = 0;
    },
  };
}
