import { brokerError, CODE, type MicroError, reasonOf } from '@micro/core';
import { ErrorCode, type NatsConnection, NatsError } from 'nats';
import type { Carrier, CarrierEvents, Letter } from './outbox.ts';

/**
 * Sends to plain NATS, which answers nothing: after the messages of one turn of the event loop the server is asked for a sign
 * of life, and when that comes it has read everything before it.
 */
export function coreCarrier({ accepted, rejected }: CarrierEvents): Carrier {
  let connection: NatsConnection | undefined;
  let batch: Letter[] = [];

  /** One question for all that was sent in this turn. Asked at its end, it goes out in one piece with the messages. */
  const ask = (): void => {
    const asked = batch;
    const server = connection;
    batch = [];
    if (server === undefined || asked.length === 0) return;
    const answered = (): void => {
      // What the server refused it said before, and the library tells it in this turn: whoever is left was not meant.
      setImmediate(() => {
        if (connection !== server) return;
        for (const letter of asked) accepted(letter);
      });
    };
    server.flush().then(answered, () => {});
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
      if (connection === undefined) return;
      if (batch.length === 0) process.nextTick(ask);
      try {
        connection.publish(letter.topic, letter.payload);
        batch.push(letter);
      } catch (cause) {
        const error = publishError(letter, cause, connection);
        if (error !== undefined) rejected(letter, error);
      }
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
