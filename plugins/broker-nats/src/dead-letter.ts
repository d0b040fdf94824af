import { CODE, type MicroError } from '@micro/core';
import { encodeEnvelope, handlerError } from '@micro/core/plugin';
import type { Consumer } from './consumer.ts';
import type { JetStreamJob } from './jetstream-message.ts';
import { messageOf } from './message-of.ts';
import type { NatsOutbox } from './outbox.ts';

/** A message that no handler took, and why. */
export interface Burial {
  readonly job: JetStreamJob;
  readonly queue: string | undefined;
  /** The consumer that handed it over. */
  readonly consumer: Consumer;
  readonly error: MicroError;
}

/** Keeps a message as a dead letter; throws when it could not be kept. */
export type Bury = (burial: Burial) => Promise<void>;

/** The fields that a dead letter's header has besides those of its message. */
export const DEAD_LETTER = {
  topic: 'Dead-Letter-Topic',
  queue: 'Dead-Letter-Queue',
  code: 'Dead-Letter-Code',
  reason: 'Dead-Letter-Reason',
  deliveries: 'Dead-Letter-Deliveries',
} as const;

const LONGEST_REASON = 500;

/**
 * Makes what publishes dead letters to `<prefix>.<topic>`. What fails there is not kept a second time: it stays in the stream
 * that it is in.
 */
export function createBury(prefix: string, outbox: NatsOutbox): Bury {
  return async ({ job, queue, consumer, error }) => {
    if (job.topic.startsWith(`${prefix}.`)) return;
    const topic = `${prefix}.${job.topic}`;
    // The same message of the same consumer is the same letter, however often it is given up.
    const messageId = `dead-${consumer.stream}-${consumer.name}-${job.sequence}`;
    const { header, body } = messageOf(job.data);
    const payload = encodeEnvelope(topic, {
      header: {
        ...header,
        [DEAD_LETTER.topic]: job.topic,
        ...(queue === undefined ? {} : { [DEAD_LETTER.queue]: queue }),
        [DEAD_LETTER.code]: String(error.code),
        [DEAD_LETTER.reason]: error.detail.slice(0, LONGEST_REASON),
        [DEAD_LETTER.deliveries]: String(job.deliveries),
      },
      body,
    });
    try {
      await outbox.post(topic, payload, { messageId });
    } catch (cause) {
      if (handlerError(cause).code !== CODE.tooLarge) throw cause;
      // There was room for the message, but not for what is said about it.
      await outbox.post(topic, Buffer.from(job.data), { messageId });
    }
  };
}
