import { CODE, type MicroError } from '@micro/core';
import { brokerError, type FailureReport, isHopeless, within } from '@micro/core/plugin';
import type { Msg, NatsConnection, Subscription } from 'nats';
import { messageOf } from './message-of.ts';
import type { NatsSettings } from './nats-options.ts';
import type { NatsSubscription, Wanted } from './nats-subscription.ts';
import { hasWildcard } from './subject.ts';
import { createWorker, type Job } from './worker.ts';

/** What a subscription to plain NATS is made from. */
export interface CoreSubscriptionOptions {
  readonly wanted: Wanted;
  readonly settings: NatsSettings;
  readonly report: (failure: FailureReport) => void;
}

interface CoreJob extends Job {
  deliveries: number;
}

/** How long the server may take to confirm a subscription, or its end. */
const CONFIRM_MS = 2_000;

/**
 * A subscription to plain NATS. The server hands each message over once and forgets it: so what a handler fails on is kept here
 * and handed to it again, up to `maxDeliveries`, and what comes faster than it is handled is lost past `maxWaiting`.
 */
export function coreSubscription({ wanted, settings, report }: CoreSubscriptionOptions): NatsSubscription {
  const { topic, queue } = wanted;
  const { maxWaiting, maxWaitingBytes, maxDeliveries, backoff } = settings;
  const isPlain = !hasWildcard(topic);
  const delayed = new Map<CoreJob, NodeJS.Timeout>();
  let subscription: Subscription | undefined;
  let heldBytes = 0;
  let isResting = false;
  let isRefused = false;

  const tell = (job: CoreJob, error: MicroError, willRepeat: boolean): void => {
    report({ topic: job.topic, error, deliveries: job.deliveries, willRepeat, message: () => messageOf(job.data) });
  };

  const worker = createWorker<CoreJob>({
    ...wanted,
    ackTimeoutMs: settings.ackTimeoutMs,
    begins(job) {
      heldBytes -= job.data.length;
      return true;
    },
    decided(job, error) {
      if (error === undefined) return;
      job.deliveries += 1;
      const willRepeat = !isHopeless(error) && job.deliveries < maxDeliveries;
      tell(job, error, willRepeat);
      if (!willRepeat) return;
      heldBytes += job.data.length;
      // One that ends does not wait: what fails again is tried at once, as often as it may.
      const again = (): void => {
        delayed.delete(job);
        worker.push(job);
      };
      delayed.set(job, setTimeout(again, isResting ? 0 : backoff(job.deliveries)));
    },
    failedLate: (job, error) => tell(job, error, false),
  });

  const receive = (error: Error | null, message: Msg): void => {
    // Only what the server refuses comes as an error, and `refused` is told of that.
    if (error !== null) return;
    const job: CoreJob = { topic: isPlain ? topic : message.subject, data: message.data, deliveries: 0 };
    const held = worker.waiting + delayed.size;
    if (worker.running >= wanted.concurrency && (held >= maxWaiting || heldBytes + job.data.length > maxWaitingBytes)) {
      const detail = `a subscription of ${topic} has ${held} events waiting, which is its limit: it is too slow`;
      tell(job, brokerError(CODE.tooManyRequests, detail), false);
      return;
    }
    heldBytes += job.data.length;
    worker.push(job);
  };

  /** Waits until everything that was handed over before the end is here. */
  const stop = async (): Promise<void> => {
    const ended = subscription;
    subscription = undefined;
    if (ended === undefined || ended.isClosed()) return;
    const budget = Math.min(CONFIRM_MS, settings.drainMs);
    await within(budget, `the end of ${topic}`, () => ended.drain()).catch(() => ended.unsubscribe());
  };

  return {
    topic,

    async up(connection: NatsConnection) {
      isResting = false;
      isRefused = false;
      subscription = connection.subscribe(topic, { callback: receive, ...(queue === undefined ? {} : { queue }) });
      await within(CONFIRM_MS, `subscribing to ${topic}`, () => connection.flush());
      // What the server refuses is told in this turn, after its answer.
      await new Promise((resolve) => setImmediate(resolve));
      if (isRefused) throw brokerError(CODE.forbidden, `the NATS server does not let us subscribe to ${topic}`);
    },

    down() {
      subscription = undefined;
    },

    refused() {
      isRefused = true;
    },

    async rest(budgetMs) {
      isResting = true;
      const begun = performance.now();
      await stop();
      for (const [job, timer] of delayed) {
        clearTimeout(timer);
        worker.push(job);
      }
      delayed.clear();
      // What was tried again meanwhile is waited for too.
      for (;;) {
        const left = budgetMs - (performance.now() - begun);
        const running = await worker.idle(Math.max(0, left));
        if (running === 0 && delayed.size === 0 && worker.waiting === 0) return 0;
        if (left <= 0) break;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      for (const timer of delayed.values()) clearTimeout(timer);
      const lost = [...worker.withdraw(), ...delayed.keys()];
      delayed.clear();
      heldBytes = 0;
      const error = brokerError(
        CODE.unavailable,
        `the subscription was closed before an event of ${topic} was handled`,
      );
      for (const job of lost) tell(job, error, false);
      return worker.running;
    },
  };
}
