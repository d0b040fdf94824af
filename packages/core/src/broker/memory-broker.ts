import type { Broker, BrokerMessage, Subscription } from '../contract/broker.ts';
import { HEADER } from '../contract/header.ts';
import { inTurn } from '../util/in-turn.ts';
import { notConnected, notTaken } from './broker-error.ts';
import { createFailureReport, reportLate } from './broker-failure.ts';
import { type BrokerOptions, brokerSettings } from './broker-options.ts';
import { checkMessage, checkSubscribe, checkTopic } from './check-message.ts';
import type { Target } from './lane.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import { createReceiver, type Receiver } from './receiver.ts';

/** What a memory broker may take. Every number: `undefined` is the default, `0` is off. */
export type MemoryBrokerOptions = BrokerOptions;

/** A subscription; it has a receiver while the broker is connected. */
interface MemorySubscription extends Target {
  readonly topic: string;
  readonly open: () => Receiver;
  receiver: Receiver | undefined;
}

const NOBODY: readonly MemorySubscription[] = [];

/**
 * A broker inside this process. Services see each other's events when they are given the same one.
 *
 * It behaves as the http broker does: `publish` resolves when the message is kept, a queue's subscribers share messages,
 * what a handler throws brings the message again, up to `maxDeliveries`, and a topic without subscribers is no error: its
 * messages are dropped. (go-micro's calls handlers inside `Publish`, and knows neither queues nor acknowledgement.)
 */
export function memoryBroker(options: MemoryBrokerOptions = {}): Broker {
  const settings = brokerSettings(options);
  const report = createFailureReport(options);
  const turn = inTurn();
  const topics = new Map<string, readonly MemorySubscription[]>();
  let outbox: Outbox<BrokerMessage> | undefined;
  let made = 0;

  const send = (target: MemorySubscription, message: BrokerMessage): Promise<void> =>
    target.receiver?.offer(message) ?? Promise.reject(notTaken(`a subscription of ${target.topic} was closed`));

  const connect = async (): Promise<void> => {
    if (outbox !== undefined) return;
    for (const subscription of all()) subscription.receiver ??= subscription.open();
    outbox = createOutbox<MemorySubscription, BrokerMessage>({
      settings,
      targets: (topic) => topics.get(topic) ?? NOBODY,
      send,
      read: (message) => message,
      report,
    });
  };

  const disconnect = async (): Promise<void> => {
    if (outbox === undefined) return;
    await outbox.flush(settings.flushMs);
    await Promise.all(all().map((subscription) => rest(subscription)));
    outbox.close();
    outbox = undefined;
  };

  const all = (): MemorySubscription[] => [...topics.values()].flat();

  const rest = async (subscription: MemorySubscription): Promise<void> => {
    const { receiver, topic } = subscription;
    subscription.receiver = undefined;
    const unfinished = (await receiver?.close(settings.drainMs)) ?? 0;
    if (unfinished > 0) {
      options.logger?.log('warn', `${unfinished} handlers of ${topic} did not return within ${settings.drainMs} ms`);
    }
  };

  return {
    name: 'memory',
    address: undefined,
    connect: () => turn(connect),
    disconnect: () => turn(disconnect),

    async publish(topic, message, { signal } = {}) {
      checkMessage(topic, message, settings.maxMessageBytes);
      if (outbox === undefined) throw notConnected(topic);
      await outbox.publish(topic, copyOf(topic, message), message.body.length, signal);
    },

    async subscribe(topic, handler, given = {}): Promise<Subscription> {
      checkTopic(topic);
      checkSubscribe(given);
      const { queue, autoAck = true, concurrency = 1 } = given;
      made += 1;
      const subscription: MemorySubscription = {
        id: `${topic}-${made}`,
        address: 'memory',
        queue: queue === '' ? undefined : queue,
        concurrency,
        topic,
        receiver: undefined,
        open: () =>
          createReceiver({ topic, handler, autoAck, concurrency, ...settings, failedLate: reportLate(topic, report) }),
      };
      if (outbox !== undefined) subscription.receiver = subscription.open();
      topics.set(topic, [...(topics.get(topic) ?? NOBODY), subscription]);
      outbox?.refresh(topic);
      return {
        topic,
        async close() {
          const left = (topics.get(topic) ?? NOBODY).filter((other) => other !== subscription);
          if (left.length === 0) topics.delete(topic);
          else topics.set(topic, left);
          await rest(subscription);
        },
      };
    },
  };
}

/** The message as subscribers see it: what the publisher does with its own afterwards is not their business. */
function copyOf(topic: string, { header, body }: BrokerMessage): BrokerMessage {
  const copy: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(header)) copy[name] = value;
  copy[HEADER.TOPIC] = topic;
  return Object.freeze({ header: Object.freeze(copy), body: new Uint8Array(body) });
}
