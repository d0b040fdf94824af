import assert from 'node:assert/strict';
import { type Broker, type BrokerMessage, type Logger, MicroError } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { type NatsBrokerOptions, natsBroker } from '../src/index.ts';

/** A logger that keeps lines from `info` up. */
export interface LogBook extends Logger {
  readonly lines: string[];
}

export function logBook(): LogBook {
  const lines: string[] = [];
  const book: LogBook = {
    name: 'book',
    lines,
    enabled: () => true,
    log(level, message) {
      if (level !== 'trace' && level !== 'debug') lines.push(`${level} ${message}`);
    },
    logf() {},
    fields: () => book,
  };
  return book;
}

export function message(text: string): BrokerMessage {
  return { header: { 'Content-Type': 'text/plain' }, body: Buffer.from(text) };
}

/** Numbered messages that go on and on, and who gets them. */
export interface Traffic {
  /** Those whose publication the server confirmed. */
  readonly accepted: string[];
  readonly failed: { readonly error: MicroError; readonly afterMs: number }[];
  /** What a subscription of a queue and one without got. */
  readonly inQueue: string[];
  readonly byEverybody: string[];
  readonly publisherLog: LogBook;
  readonly subscriberLog: LogBook;
  readonly publisher: Broker;
  readonly subscriber: Broker;
  /** Waits until something that is published from now on is confirmed, and has come to both; resolves with the milliseconds it took. */
  flows(timeoutMs: number): Promise<number>;
  /** Publishes no more, and waits for what is under way. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** Begins to publish, from one broker to another one. */
export async function startTraffic(options: NatsBrokerOptions, topic = 'load.test'): Promise<Traffic> {
  const [publisherLog, subscriberLog] = [logBook(), logBook()];
  const publisher = natsBroker({ ...options, logger: publisherLog });
  const subscriber = natsBroker({ ...options, logger: subscriberLog });
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const [inQueue, byEverybody]: [string[], string[]] = [[], []];
  await subscriber.subscribe(topic, ({ message: { body } }) => inQueue.push(Buffer.from(body).toString()), {
    queue: 'all',
  });
  await subscriber.subscribe(topic, async ({ message: { body } }) => {
    byEverybody.push(Buffer.from(body).toString());
  });
  const accepted: string[] = [];
  const failed: Traffic['failed'] = [];
  let made = 0;
  let going = true;
  const publishOn = async (): Promise<void> => {
    while (going) {
      made += 1;
      const body = String(made);
      const begun = performance.now();
      try {
        await publisher.publish(topic, message(body));
        accepted.push(body);
      } catch (error) {
        assert.ok(error instanceof MicroError, String(error));
        failed.push({ error, afterMs: performance.now() - begun });
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const publishing = Array.from({ length: 10 }, publishOn);
  const traffic: Traffic = {
    accepted,
    failed,
    inQueue,
    byEverybody,
    publisherLog,
    subscriberLog,
    publisher,
    subscriber,
    async flows(timeoutMs) {
      const begun = performance.now();
      const before = made;
      await eventually(
        () => {
          const isNew = (body: string): boolean => Number(body) > before;
          assert.ok(accepted.findLast(isNew) !== undefined, `nothing is accepted: ${failed.at(-1)?.error.detail}`);
          assert.ok(inQueue.findLast(isNew) !== undefined, 'nothing comes to the queue');
          assert.ok(byEverybody.findLast(isNew) !== undefined, 'nothing comes without a queue');
        },
        { timeoutMs, everyMs: 5 },
      );
      return performance.now() - begun;
    },
    async settle() {
      going = false;
      await Promise.all(publishing);
    },
    async close() {
      await traffic.settle();
      await Promise.all([publisher.disconnect(), subscriber.disconnect()]);
    },
  };
  await traffic.flows(30_000);
  return traffic;
}

/** Those of `accepted` that never came. */
export function missingFrom(got: readonly string[], accepted: readonly string[]): readonly string[] {
  const set = new Set(got);
  return accepted.filter((body) => !set.has(body));
}

/** The lines about the connection after the first one, without times and reasons. */
export function transitions(log: LogBook): readonly string[] {
  return log.lines.flatMap((line) => {
    if (line.startsWith('warn lost the NATS server')) return ['lost'];
    return / again, after \d+ ms$/.test(line) ? ['back'] : [];
  });
}
