import type { Msg } from 'nats';
import type { Job } from './worker.ts';

/** A message that JetStream handed over, until it is answered. */
export interface JetStreamJob extends Job {
  /** Where the answer goes. */
  readonly reply: string;
  /** Which delivery this is, from 1. */
  readonly deliveries: number;
  /** Its number in the stream. */
  readonly sequence: number;
  /** Since when the server waits for an answer, on the clock of `performance.now()`. */
  leasedAt: number;
}

/** What may be answered; `-NAK` with a delay is written by `notNow`. */
export const ANSWER: Readonly<Record<'handled' | 'working' | 'notNow' | 'never', Buffer>> = {
  handled: Buffer.from('+ACK'),
  working: Buffer.from('+WPI'),
  notNow: Buffer.from('-NAK'),
  never: Buffer.from('+TERM'),
};

/** An answer that lets the message come again after so many milliseconds. */
export function notNow(afterMs: number): Buffer {
  return afterMs < 1 ? ANSWER.notNow : Buffer.from(`-NAK {"delay": ${Math.round(afterMs * 1_000_000)}}`);
}

/**
 * Reads a delivery: its reply subject is `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.…`, with domain and account
 * before the stream on newer servers. `undefined` for what is none.
 */
export function readJob(message: Msg, topic: string | undefined, now: number): JetStreamJob | undefined {
  const reply = message.reply ?? '';
  if (!reply.startsWith('$JS.ACK.')) return undefined;
  const tokens = reply.split('.');
  const first = tokens.length > 9 ? 6 : 4;
  const deliveries = Number(tokens[first]);
  const sequence = Number(tokens[first + 1]);
  if (!Number.isInteger(deliveries) || !Number.isInteger(sequence)) return undefined;
  return { topic: topic ?? message.subject, data: message.data, reply, deliveries, sequence, leasedAt: now };
}
