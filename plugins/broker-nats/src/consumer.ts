import { randomUUID } from 'node:crypto';
import { CODE } from '@micro/core';
import { brokerError } from '@micro/core/plugin';
import { type NatsConnection, nanos } from 'nats';
import { apiError, askJetStream, FAILURE } from './jetstream-api.ts';
import { DEAD_LETTERS, type JetStreamSettings } from './jetstream-options.ts';
import { fieldsOf, hashOf, plainName, type StreamFacts, type Streams } from './streams.ts';

/** What the server remembers a subscription by. */
export interface Consumer {
  readonly stream: string;
  readonly name: string;
}

/** What a consumer is made for. */
export interface ConsumerOptions {
  readonly topic: string;
  readonly queue: string | undefined;
  readonly jetStream: JetStreamSettings;
  readonly streams: Streams;
}

/** Keeps one consumer there. */
export interface ConsumerKeeper {
  /**
   * Finds it, or makes it; `isNew` when it had been there before and was gone. One that is made anew hands over again what comes
   * from `unfinished` on, the lowest number that was handed over and has to come again. Throws what JetStream says.
   */
  keep(connection: NatsConnection, unfinished?: number): Promise<Consumer & { readonly isNew: boolean }>;
  /** Everything up to this number was handed over: one that is made anew goes on behind it. */
  passed(sequence: number): void;
  /** Removes it: nobody comes back for it. */
  remove(connection: NatsConnection): Promise<void>;
}

/** How many messages of a consumer may be with subscribers at once. */
const MOST_PENDING = 10_000;

/**
 * Makes what keeps a consumer there. A queue has one for each topic, by a name that says both, which all its subscribers find;
 * a subscription without a queue has its own. It begins with what comes after it was first made. When it is gone later (the
 * server was wiped, it was not used for too long, somebody removed it) it goes on behind what was handed over, and with
 * everything in a stream that is another one.
 */
export function consumerKeeper({ topic, queue, jetStream, streams }: ConsumerOptions): ConsumerKeeper {
  const name = queue === undefined ? ownName() : `${plainName(queue)}-${hashOf(JSON.stringify([queue, topic]))}`;
  const ttlMs = queue === undefined ? jetStream.subscriberTtlMs : jetStream.queueTtlMs;
  let position: { readonly created: string; after: number } | undefined;
  let consumer: Consumer | undefined;

  /** Where one that is made now begins. */
  const beginning = (stream: StreamFacts, unfinished: number | undefined): Readonly<Record<string, unknown>> => {
    // Dead letters are there to be looked at later.
    if (stream.name === DEAD_LETTERS && position === undefined) return { deliver_policy: 'all' };
    if (position === undefined) return { deliver_policy: 'new' };
    if (position.created !== stream.created) return { deliver_policy: 'all' };
    return { deliver_policy: 'by_start_sequence', opt_start_seq: Math.min(position.after + 1, unfinished ?? Infinity) };
  };

  const path = (verb: string, stream: string): string => `${jetStream.api}.CONSUMER.${verb}.${stream}.${name}`;

  const info = async (
    connection: NatsConnection,
    stream: string,
  ): Promise<Readonly<Record<string, unknown>> | undefined> => {
    const answer = await askJetStream(connection, path('INFO', stream));
    if ('value' in answer) return fieldsOf(answer.value.config);
    if (answer.failure.number === FAILURE.consumerNotFound || answer.failure.number === FAILURE.streamNotFound)
      return undefined;
    throw apiError(`to show consumer ${name} of ${stream}`, answer.failure);
  };

  const write = async (
    connection: NatsConnection,
    stream: string,
    config: Readonly<Record<string, unknown>>,
  ): Promise<boolean> => {
    const body = { stream_name: stream, config: { ...config, durable_name: name } };
    const answer = await askJetStream(connection, path('DURABLE.CREATE', stream), body);
    if ('value' in answer) return true;
    // Another subscriber of the queue made it in the same moment, with another beginning.
    if ((await info(connection, stream)) !== undefined) return false;
    throw apiError(`to make consumer ${name} of ${stream}`, answer.failure);
  };

  return {
    async keep(connection, unfinished) {
      // Whoever leads the consumer answers this; who knows of all streams may be away for longer.
      if (consumer !== undefined && (await info(connection, consumer.stream)) !== undefined) {
        return { ...consumer, isNew: false };
      }
      const stream = await streams.of(connection, topic);
      const settings = {
        ack_policy: 'explicit',
        ack_wait: nanos(jetStream.ackWaitMs),
        max_deliver: -1,
        max_ack_pending: MOST_PENDING,
        filter_subject: topic,
        ...(Number.isFinite(ttlMs) ? { inactive_threshold: nanos(ttlMs) } : {}),
      };
      const there = await info(connection, stream.name);
      if (there !== undefined && there.deliver_subject !== undefined && there.deliver_subject !== '') {
        const detail = `consumer ${name} of stream ${stream.name} is one that pushes: choose another queue than ${queue ?? ''}`;
        throw brokerError(CODE.conflict, detail);
      }
      const isNew = there === undefined && consumer !== undefined;
      const config =
        there === undefined ? { ...settings, ...beginning(stream, unfinished) } : { ...there, ...settings };
      const differs = Object.entries(settings).some(([field, value]) => there?.[field] !== value);
      if (differs) await write(connection, stream.name, config);
      if (position?.created !== stream.created) {
        // After a wipe everything in the new stream is new to us.
        position = { created: stream.created, after: position === undefined ? stream.lastSequence : 0 };
      }
      consumer = { stream: stream.name, name };
      return { ...consumer, isNew };
    },

    passed(sequence) {
      if (position !== undefined && sequence > position.after) position.after = sequence;
    },

    async remove(connection) {
      if (consumer === undefined) return;
      await askJetStream(connection, path('DELETE', consumer.stream));
    },
  };
}

function ownName(): string {
  return `one-${randomUUID()}`;
}
