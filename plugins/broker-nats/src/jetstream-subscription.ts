import { setTimeout as sleep } from 'node:timers/promises';
import { CODE, type Logger, type MicroError } from '@micro/core';
import { brokerError, type FailureReport, handlerError, isHopeless, reasonOf, within } from '@micro/core/plugin';
import { createInbox, type Msg, type NatsConnection, nanos, type Subscription } from 'nats';
import { type Consumer, consumerKeeper } from './consumer.ts';
import type { Bury } from './dead-letter.ts';
import { ANSWER, type JetStreamJob, notNow, readJob } from './jetstream-message.ts';
import type { JetStreamSettings } from './jetstream-options.ts';
import { messageOf } from './message-of.ts';
import type { NatsSettings } from './nats-options.ts';
import type { NatsSubscription, Wanted } from './nats-subscription.ts';
import { createPrefetch } from './prefetch.ts';
import type { Streams } from './streams.ts';
import { hasWildcard } from './subject.ts';
import { createWorker } from './worker.ts';

/** What a subscription to JetStream is made from. */
export interface JetStreamSubscriptionOptions {
  readonly wanted: Wanted;
  readonly settings: NatsSettings;
  readonly jetStream: JetStreamSettings;
  readonly streams: Streams;
  /** Keeps what no handler took; `undefined` when nobody wants it. */
  readonly bury: Bury | undefined;
  readonly report: (failure: FailureReport) => void;
  readonly logger: Logger | undefined;
}

/** A question for messages that is not answered ends after so long, and is asked anew. */
const ASK_MS = 30_000;
/** One for more than the handlers can begin with at once: when there is little to do it should not lie around. */
const ASK_AHEAD_MS = 1_000;
/** How often the server says, while there are no messages, that it knows of the question. */
const HEARTBEAT_MS = 1_500;
/** A server that says nothing for so long has forgotten the question; one that hangs is noticed before that. */
const SILENCE_MS = 5_000;
const PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2_000;
const REMOVE_MS = 1_000;
const BURY_AGAIN_MS = 5_000;
/** Handed over so many times as often as a handler may fail, and never answered: whoever got it died of it. */
const FATAL_FACTOR = 3;
const MOST_UNFINISHED = 1_000;

/**
 * A subscription to JetStream: it asks for as many messages as its handlers can do with, answers each when it was handled or
 * not, and tells the server meanwhile that it is at work. Whatever happens to its consumer, it finds or makes it again.
 */
export function jetStreamSubscription(options: JetStreamSubscriptionOptions): NatsSubscription {
  const { wanted, settings, jetStream, streams, bury, report, logger } = options;
  const { topic, queue, concurrency } = wanted;
  const literal = hasWildcard(topic) ? undefined : topic;
  const keeper = consumerKeeper({ topic, queue, jetStream, streams });
  const prefetch = createPrefetch(concurrency, jetStream.maxPrefetch);
  const burying = new Set<JetStreamJob>();
  /** What has to come again, by its number. */
  const unfinished = new Set<number>();
  /** Answers for messages whose connection was lost: they hold on the next one. */
  const unsaid: (readonly [string, Buffer])[] = [];
  let connection: NatsConnection | undefined;
  let consumer: Consumer | undefined;
  let inbox: Subscription | undefined;
  /** How many messages were asked for and have not come. */
  let asked = 0;
  let heardAt = 0;
  /** One for each time that it is bound; what belongs to an older one does not count. */
  let binding = 0;
  let isResting = false;
  let timer: NodeJS.Timeout | undefined;

  /** False when there is no connection that takes it. */
  const say = (subject: string, payload: Buffer | string, reply?: string): boolean => {
    try {
      connection?.publish(subject, payload, reply === undefined ? {} : { reply });
      return connection !== undefined;
    } catch {
      // It was closed a moment ago, and that is about to be told.
      return false;
    }
  };

  const answer = (job: JetStreamJob, payload: Buffer): void => {
    if (!say(job.reply, payload)) unsaid.push([job.reply, payload]);
  };

  const tell = (job: JetStreamJob, error: MicroError, willRepeat: boolean): void => {
    report({ topic: job.topic, error, deliveries: job.deliveries, willRepeat, message: () => messageOf(job.data) });
  };

  const comeAgain = (job: JetStreamJob, afterMs: number): void => {
    if (unfinished.size < MOST_UNFINISHED) unfinished.add(job.sequence);
    answer(job, notNow(afterMs));
  };

  const giveUp = async (job: JetStreamJob, error: MicroError): Promise<void> => {
    burying.add(job);
    try {
      if (consumer !== undefined) await bury?.({ job, queue, consumer, error });
      answer(job, ANSWER.never);
      tell(job, error, false);
    } catch (cause) {
      tell(job, error, true);
      logger?.log(
        'warn',
        `an event of ${job.topic} cannot be kept as a dead letter, and comes again: ${reasonOf(cause)}`,
      );
      comeAgain(job, BURY_AGAIN_MS);
    }
    burying.delete(job);
  };

  const worker = createWorker<JetStreamJob>({
    ...wanted,
    ackTimeoutMs: settings.ackTimeoutMs,
    // What the server has given to somebody else by now is not ours any more.
    begins: (job) => performance.now() - job.leasedAt < jetStream.ackWaitMs,
    decided(job, error) {
      prefetch.handled(performance.now());
      unfinished.delete(job.sequence);
      if (error === undefined) answer(job, ANSWER.handled);
      else if (isHopeless(error) || job.deliveries >= settings.maxDeliveries) void giveUp(job, error);
      else {
        tell(job, error, true);
        comeAgain(job, settings.backoff(job.deliveries));
      }
    },
    freed: () => pull(),
    failedLate: (job, error) => tell(job, error, false),
  });

  const pull = (): void => {
    if (connection === undefined || consumer === undefined || inbox === undefined || isResting) return;
    const room = prefetch.size - worker.waiting - worker.running - asked;
    if (room <= 0 || (asked > 0 && room < prefetch.size / 2)) return;
    const isAhead = room > concurrency;
    const question = isAhead
      ? { batch: room, expires: nanos(ASK_AHEAD_MS) }
      : { batch: room, expires: nanos(ASK_MS), idle_heartbeat: nanos(HEARTBEAT_MS) };
    if (asked === 0) heardAt = performance.now();
    asked += room;
    const subject = `${jetStream.api}.CONSUMER.MSG.NEXT.${consumer.stream}.${consumer.name}`;
    say(subject, JSON.stringify(question), inbox.getSubject());
  };

  const receive = (mine: number, message: Msg): void => {
    const now = performance.now();
    if (mine === binding) heardAt = now;
    const job = readJob(message, literal, now);
    if (job === undefined) {
      if (mine === binding) hear(message);
      return;
    }
    if (mine === binding && asked > 0) asked -= 1;
    keeper.passed(job.sequence);
    if (isResting) answer(job, ANSWER.notNow);
    else if (job.deliveries > settings.maxDeliveries * FATAL_FACTOR) {
      const detail = `it was handed over ${job.deliveries - 1} times and never answered: its subscribers died, or hung`;
      void giveUp(job, brokerError(CODE.internal, detail));
    } else worker.push(job);
    pull();
  };

  /** What the server says about a question, with a status as HTTP has them. */
  const hear = (message: Msg): void => {
    const code = message.headers?.code ?? 0;
    if (code === 100 || code === 0) return;
    const left = Number(message.headers?.get('Nats-Pending-Messages') || Number.NaN);
    const description = message.headers?.description ?? '';
    if (code === 404 || code === 408) {
      if (Number.isNaN(left)) asked = 0;
      else asked = Math.max(0, asked - left);
      if (left > concurrency) prefetch.idle();
      pull();
      return;
    }
    asked = 0;
    if (code === 409 && !/deleted/i.test(description)) after(PAUSE_MS, pull);
    else rebind(PAUSE_MS);
  };

  const after = (ms: number, work: () => void): void => {
    const mine = binding;
    setTimeout(() => {
      if (mine === binding) work();
    }, ms).unref();
  };

  const rebind = (afterMs: number): void => {
    unbind();
    after(afterMs, () => {
      streams.forget(topic);
      if (connection !== undefined && !isResting) bind(connection).catch(() => {});
    });
  };

  const unbind = (): void => {
    binding += 1;
    asked = 0;
    // Its callback goes on with what is on its way: that is ours, and nobody else would get it soon.
    inbox?.drain().catch(() => {});
    inbox = undefined;
  };

  /** Finds or makes the consumer, as often as it takes. The promise is about the first try that says something for good. */
  const bind = (server: NatsConnection): Promise<void> => {
    unbind();
    const mine = binding;
    return new Promise((resolve, reject) => {
      const tryOn = async (): Promise<void> => {
        for (let failures = 0; mine === binding && !isResting; failures += 1) {
          try {
            const [first] = [...unfinished].sort((a, b) => a - b);
            const kept = await keeper.keep(server, first);
            if (mine !== binding) return;
            if (kept.isNew)
              logger?.log('warn', `the consumer of ${topic} in stream ${kept.stream} was gone, and was made anew`);
            consumer = kept;
            inbox = server.subscribe(createInbox(), {
              callback: (error, message) => {
                if (error === null) receive(mine, message);
              },
            });
            pull();
            resolve();
            return;
          } catch (cause) {
            const error = handlerError(cause);
            if (mine !== binding) return;
            const isRefusal = error.code !== CODE.unavailable && error.code !== CODE.timeout;
            if (isRefusal) reject(error);
            // The first answer that is missing is no news: a stream may be choosing who leads it.
            if (failures === 1) logger?.log('warn', `cannot subscribe to ${topic} now, and try again: ${error.detail}`);
            await sleep(Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** failures), undefined, { ref: false });
          }
        }
      };
      tryOn().catch(reject);
    });
  };

  /** Tells the server which messages are still being worked at, and notices when it has forgotten us. */
  const beat = (): void => {
    if (connection === undefined) return;
    const now = performance.now();
    for (const job of [...worker.jobs(), ...burying]) {
      if (now - job.leasedAt < jetStream.ackWaitMs / 3) continue;
      job.leasedAt = now;
      answer(job, ANSWER.working);
    }
    if (isResting || inbox === undefined) return;
    if (asked > 0 && now - heardAt > SILENCE_MS) rebind(0);
    else pull();
  };

  return {
    topic,

    up(server) {
      connection = server;
      isResting = false;
      for (const [reply, payload] of unsaid.splice(0)) say(reply, payload);
      if (timer === undefined) {
        timer = setInterval(beat, Math.min(1_000, jetStream.ackWaitMs / 4));
        timer.unref();
      }
      return bind(server);
    },

    down() {
      connection = undefined;
      binding += 1;
      asked = 0;
      inbox = undefined;
    },

    refused() {},

    async rest(budgetMs, leaves) {
      isResting = true;
      const server = connection;
      // Who begins with a message before it is known that there are no more gives it back.
      const ended = inbox?.drain();
      binding += 1;
      inbox = undefined;
      if (ended !== undefined) await within(REMOVE_MS, `the end of ${topic}`, () => ended).catch(() => {});
      for (const job of worker.withdraw()) answer(job, ANSWER.notNow);
      const running = await worker.idle(budgetMs);
      clearInterval(timer);
      timer = undefined;
      if (leaves && queue === undefined && server !== undefined && !server.isClosed()) {
        await within(REMOVE_MS, `removing the consumer of ${topic}`, () => keeper.remove(server)).catch(() => {});
      }
      return running;
    },
  };
}
