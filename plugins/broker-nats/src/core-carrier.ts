import { CODE, type MicroError } from '@micro/core';
import { brokerError, reasonOf } from '@micro/core/plugin';
import { ErrorCode, type NatsConnection, NatsError } from 'nats';
import type { Carrier, CarrierEvents, Letter } from './outbox.ts';

/**
 * Sends to plain NATS, which answers nothing: the messages of one turn of the event loop go out together, and after them the
 * server is asked for a sign of life. When that comes it has read everything before it.
 */
export function coreCarrier({ accepted, rejected }: CarrierEvents): Carrier {
  let connection: NatsConnection | undefined;
  let batch: Letter[] = [];

  /** At the end of the turn, so that as many messages as there are make one write and one question. */
  const post = (): void => {
    const server = connection;
    const letters = batch;
    batch = [];
    if (server === undefined) return;
    const asked: Letter[] = [];
    for (const letter of letters) if (write(letter, server)) asked.push(letter);
    if (asked.length === 0) return;
    const answered = (): void => {
      // What the server refused it said before, and the library tells it in this turn: whoever is left was not meant.
      setImmediate(() => {
        if (connection !== server) return;
        for (const letter of asked) accepted(letter);
      });
    };
    server.flush().then(answered, () => {});
  };

  const write = (letter: Letter, server: NatsConnection): boolean => {
    // Cancelled meanwhile.
    if (letter.sentAt === undefined) return false;
    try {
      server.publish(letter.topic, letter.payload);
      return true;
    } catch (cause) {
      const error = publishError(letter, cause, server);
      if (error !== undefined) rejected(letter, error);
      return false;
    }
  };

  return {
    window: Number.POSITIVE_INFINITY,
    resendMs: Number.POSITIVE_INFINITY,
    up(server) {
      connection = server;
      batch = [];
    },
    down() {
      connection = undefined;
      batch = [];
    },
    send(letter) {
      if (batch.length === 0) process.nextTick(post);
      batch.push(letter);
    },
    forget() {},
  };
}

/** What the library throws at once; `undefined` for what the next connection puts right. */
export function publishError(letter: Letter, cause: unknown, connection: NatsConnection): MicroError | undefined {
  const code = cause instanceof NatsError ? cause.code : '';
  if (code === ErrorCode.ConnectionClosed) return undefined;
  if (code === ErrorCode.MaxPayloadExceeded) return tooLarge(letter.topic, letter.payload.length, connection);
  return brokerError(CODE.unavailable, `cannot publish to ${letter.topic}: ${reasonOf(cause)}`, cause);
}

/** The server takes no message as large as that. */
export function tooLarge(topic: string, bytes: number, connection: NatsConnection): MicroError {
  const limit = connection.info?.max_payload ?? 0;
  const detail = `a message to ${topic} has ${bytes} bytes on the wire, and the NATS server at ${connection.getServer()} takes ${limit}; its body may have three quarters of that`;
  return brokerError(CODE.tooLarge, detail);
}
