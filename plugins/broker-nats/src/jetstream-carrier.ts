import { randomUUID } from 'node:crypto';
import { CODE, type MicroError } from '@micro/core';
import { brokerError, handlerError } from '@micro/core/plugin';
import { createInbox, headers, type Msg, type NatsConnection, type Subscription } from 'nats';
import { publishError } from './core-carrier.ts';
import { apiError, FAILURE, failureOf, objectOf } from './jetstream-api.ts';
import type { Carrier, CarrierEvents, Letter } from './outbox.ts';
import type { Streams } from './streams.ts';

/** More than that in flight, and servers begin to refuse. */
const WINDOW = 1_000;
/** A stream whose leader died says nothing. What it did keep it knows again. */
const RESEND_MS = 1_000;

/** Sends to JetStream, which answers each message when it keeps it, and knows one again that it gets twice. */
export function jetStreamCarrier(streams: Streams, { accepted, rejected, postponed }: CarrierEvents): Carrier {
  // Ids count from 1 in each process, so what the server knows a message by says which process it is from.
  const prefix = randomUUID();
  let connection: NatsConnection | undefined;
  let inbox = '';
  let answers: Subscription | undefined;
  const asked = new Map<string, Letter>();

  const answered = (error: Error | null, message: Msg): void => {
    if (error !== null) return;
    const token = message.subject.slice(inbox.length + 1);
    const letter = asked.get(token);
    if (letter === undefined) return;
    asked.delete(token);
    if (message.data.length === 0) {
      streams.forget(letter.topic);
      postponed(letter, 'no stream has its subject now');
      return;
    }
    const answer = objectOf(message.data);
    const failure = failureOf(answer.error);
    if (failure !== undefined) refused(letter, failure);
    else if (typeof answer.stream === 'string' && answer.stream !== '') accepted(letter);
    // Somebody else who subscribes to the topic has answered: not whom we asked.
    else asked.set(token, letter);
  };

  const refused = (letter: Letter, failure: NonNullable<ReturnType<typeof failureOf>>): void => {
    const wanted = `a message to ${letter.topic}`;
    if (failure.number === FAILURE.fullOfMessages || /maximum (messages|bytes) exceeded/.test(failure.description)) {
      const detail = `the stream of ${letter.topic} is full, and refuses what is new: ${failure.description}`;
      rejected(letter, brokerError(CODE.tooManyRequests, detail));
    } else if (failure.number === FAILURE.tooLargeForStream) {
      rejected(letter, brokerError(CODE.tooLarge, `JetStream refused ${wanted}: ${failure.description}`));
    } else if (failure.code >= 500 || failure.code === 429) {
      postponed(letter, failure.description);
    } else {
      rejected(letter, apiError(wanted, failure));
    }
  };

  const publish = (letter: Letter, server: NatsConnection): void => {
    const token = letter.id.toString(36);
    asked.set(token, letter);
    try {
      const header = headers();
      header.set('Nats-Msg-Id', letter.messageId ?? `${prefix}-${token}`);
      server.publish(letter.topic, letter.payload, { reply: `${inbox}.${token}`, headers: header });
    } catch (cause) {
      asked.delete(token);
      const error = publishError(letter, cause, server);
      if (error !== undefined) rejected(letter, error);
    }
  };

  /** The first message of a topic on a connection waits until its stream is known to be there. */
  const prepare = (letter: Letter, server: NatsConnection): void => {
    streams.of(server, letter.topic).then(
      () => {
        if (connection === server && letter.sentAt !== undefined) publish(letter, server);
      },
      (cause: unknown) => {
        if (connection !== server || letter.sentAt === undefined) return;
        const error: MicroError = handlerError(cause);
        if (error.code === CODE.unavailable || error.code === CODE.timeout) postponed(letter, error.detail);
        else rejected(letter, error);
      },
    );
  };

  return {
    window: WINDOW,
    resendMs: RESEND_MS,
    up(server) {
      connection = server;
      inbox = createInbox();
      answers = server.subscribe(`${inbox}.*`, { callback: answered });
    },
    down() {
      connection = undefined;
      answers?.unsubscribe();
      answers = undefined;
      asked.clear();
    },
    send(letter) {
      if (connection === undefined) return;
      // Sent before and not answered: perhaps its stream is gone, and only plain subscribers hear of it.
      if (asked.has(letter.id.toString(36))) streams.forget(letter.topic);
      if (streams.has(letter.topic)) publish(letter, connection);
      else prepare(letter, connection);
    },
    forget(letter) {
      asked.delete(letter.id.toString(36));
    },
  };
}
