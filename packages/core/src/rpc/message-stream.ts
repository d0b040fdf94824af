import type { Message } from '../contract/message.ts';
import type { Socket } from '../contract/transport.ts';
import type { Messages } from '../contract/typed.ts';

/**
 * What arrives on a socket, decoded, as an iterable that can be gone through once. Leaving it early gives nothing up: whoever
 * left simply reads no more.
 */
export function receiveAll(socket: Socket, decode: (message: Message) => unknown): AsyncIterable<unknown> {
  const done: IteratorResult<unknown> = { done: true, value: undefined };
  const result = (message: Message | undefined): IteratorResult<unknown> | Promise<IteratorResult<unknown>> => {
    if (message === undefined) return done;
    const value = decode(message);
    return value instanceof Promise
      ? value.then((settled) => ({ done: false, value: settled }))
      : { done: false, value };
  };
  const iterator: AsyncIterator<unknown> = {
    // Not an async function: what is already here costs one resolved promise and no turn of the queue more.
    next() {
      try {
        const message = socket.receive();
        if (message instanceof Promise) return message.then(result);
        return Promise.resolve(result(message));
      } catch (error) {
        return Promise.reject(error);
      }
    },
    async return() {
      return done;
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

/**
 * Sends each value of an iterable, waiting whenever the socket has no room. Stops without an error once `stopped` says so,
 * since the other side may answer before it has heard everything; the iterable's `finally` blocks run.
 */
export async function sendAll(
  values: Messages<unknown>,
  socket: Socket,
  encode: (value: unknown) => Message,
  stopped: () => boolean,
): Promise<void> {
  if (Symbol.asyncIterator in values) {
    for await (const value of values) {
      if (stopped()) return;
      const room = socket.send(encode(value));
      if (room !== undefined) await room;
    }
    return;
  }
  for (const value of values) {
    if (stopped()) return;
    const room = socket.send(encode(value));
    if (room !== undefined) await room;
  }
}
