import { fullJitterMs } from '../util/full-jitter.ts';
import { limitOf, numberOf } from '../util/limit.ts';
import { LONGEST_TIMER_MS } from '../util/timer.ts';
import type { FailureOptions } from './broker-failure.ts';

/** How long, and how much, a publisher keeps for subscribers that cannot be reached or are slow. Per topic. */
export interface InboxOptions {
  /** How many messages wait. Default 10,000; past it `publish` waits. 0 is no limit. */
  readonly maxMessages?: number | undefined;
  /** How many bytes wait. Default 64 MiB; past it `publish` waits. 0 is no limit. */
  readonly maxBytes?: number | undefined;
  /**
   * How long a message waits before it is given up, in milliseconds, and how long a queue without subscribers is kept for.
   * Default 60,000; 0 is for ever.
   */
  readonly maxAgeMs?: number | undefined;
  /** How long `publish` waits for room before it throws a 429, in milliseconds. Default 5,000; 0 does not wait. */
  readonly waitMs?: number | undefined;
}

/** What every broker of core may be told. Every number: `undefined` is the default, `0` is off. */
export interface BrokerOptions extends FailureOptions {
  readonly inbox?: InboxOptions | undefined;
  /** How often a message is handed to handlers that fail before it is given up. Default 5; 0 is no limit but its age. */
  readonly maxDeliveries?: number | undefined;
  /** The pause after failure number `failures` (1, 2, …), in milliseconds. Default: full jitter, 100 ms doubling to 5 s. */
  readonly backoff?: ((failures: number) => number) | undefined;
  /** How long a handler may take until its event counts as failed, in milliseconds. Default 30,000; 0 is for ever. */
  readonly ackTimeoutMs?: number | undefined;
  /** How many events may wait for the handler of one subscription. Default 1,000; past it they are refused. 0 is no limit. */
  readonly maxWaiting?: number | undefined;
  /** The body of one message, in bytes. Default 16 MiB; past it 413. 0 is no limit. */
  readonly maxMessageBytes?: number | undefined;
  /** How long `disconnect`, and closing a subscription, wait for handlers, in milliseconds. Default 10,000; 0 is for ever. */
  readonly drainMs?: number | undefined;
  /** How long `disconnect` waits for subscribers to take what was published, in milliseconds. Default 5,000; 0 does not. */
  readonly flushMs?: number | undefined;
}

/** The same with every number decided; what is off is `Infinity`. */
export interface BrokerSettings {
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  readonly waitMs: number;
  readonly maxDeliveries: number;
  readonly backoff: (failures: number) => number;
  readonly ackTimeoutMs: number;
  readonly maxWaiting: number;
  readonly maxMessageBytes: number;
  readonly drainMs: number;
  readonly flushMs: number;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** Fills in the defaults. */
export function brokerSettings(options: BrokerOptions): BrokerSettings {
  const { inbox = {} } = options;
  return {
    maxMessages: limitOf('inbox.maxMessages', inbox.maxMessages, 10_000),
    maxBytes: limitOf('inbox.maxBytes', inbox.maxBytes, 64 * 1024 * 1024),
    maxAgeMs: limitOf('inbox.maxAgeMs', inbox.maxAgeMs, 60_000),
    waitMs: Math.min(numberOf('inbox.waitMs', inbox.waitMs, 5_000), LONGEST_TIMER_MS),
    maxDeliveries: limitOf('maxDeliveries', options.maxDeliveries, 5),
    backoff: options.backoff ?? fullJitter,
    ackTimeoutMs: span('ackTimeoutMs', options.ackTimeoutMs, 30_000),
    maxWaiting: limitOf('maxWaiting', options.maxWaiting, 1_000),
    maxMessageBytes: limitOf('maxMessageBytes', options.maxMessageBytes, 16 * 1024 * 1024),
    drainMs: span('drainMs', options.drainMs, 10_000),
    flushMs: numberOf('flushMs', options.flushMs, 5_000),
  };
}

/** A time that a user gave or its default; 0 is no limit, and so is what no timer can wait for. */
export function span(name: string, given: number | undefined, usual: number): number {
  const ms = limitOf(name, given, usual);
  return ms > LONGEST_TIMER_MS ? Number.POSITIVE_INFINITY : ms;
}

/** Full jitter, doubling from 100 ms to 5 s. */
export function fullJitter(failures: number): number {
  return fullJitterMs(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, failures - 1);
}
