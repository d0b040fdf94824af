import type { Account } from '../contract/auth.ts';
import type { Broker, Delivery, Subscription } from '../contract/broker.ts';
import type { Codec } from '../contract/codec.ts';
import type { CallOptions, Context } from '../contract/context.ts';
import { HEADER } from '../contract/header.ts';
import type { Logger } from '../contract/logger.ts';
import type { Metadata } from '../contract/metadata.ts';
import type { RegisteredEndpoint } from '../contract/registry.ts';
import type { SubscribeOptions } from '../contract/server.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { metadataFrom } from '../util/metadata.ts';

/** What a subscriber does with an event. */
export type EventHandler = (message: unknown, ctx: Context) => unknown;

/** The subscribers of a server. */
export interface Subscribers {
  add(topic: string, handler: EventHandler, options: SubscribeOptions): void;
  /** What the registry is told, sorted by topic descending as go-micro does. */
  endpoints(): readonly RegisteredEndpoint[];
  /** Connects the broker and subscribes; does nothing when there is no subscriber. */
  open(): Promise<void>;
  /** Takes no more events and waits for the handlers that run. */
  close(): Promise<void>;
}

/** What subscribers are made from. */
export interface SubscribersOptions {
  readonly name: string;
  readonly broker: Broker | undefined;
  readonly codecs: (contentType: string) => Codec | undefined;
  readonly logger: Logger;
}

/** Makes the subscribers of a server: one subscription at the broker for each. */
export function createSubscribers({ name, broker, codecs, logger }: SubscribersOptions): Subscribers {
  const subscribers: { topic: string; handler: EventHandler; options: SubscribeOptions }[] = [];
  let open: Subscription[] = [];
  const running = new AbortController();

  const handle = async (handler: EventHandler, delivery: Delivery): Promise<void> => {
    const { header, body } = delivery.message;
    const contentType = header[HEADER.CONTENT_TYPE] ?? 'application/protobuf';
    const codec = codecs(contentType);
    if (codec === undefined) {
      throw new MicroError({
        id: name,
        code: CODE.unsupportedMediaType,
        detail: `unsupported Content-Type: ${contentType}`,
      });
    }
    await handler(codec.decode(body), eventContext(name, delivery, running.signal));
  };

  return {
    add(topic, handler, options) {
      if (broker === undefined) {
        const detail = `cannot subscribe to ${topic}: the service has no broker`;
        throw new MicroError({ id: name, code: CODE.notImplemented, detail });
      }
      subscribers.push({ topic, handler, options });
    },
    endpoints: () =>
      subscribers
        .filter(({ options }) => options.internal !== true)
        .map(({ topic, handler }) => ({
          name: handler.name || 'Func',
          metadata: { topic, subscriber: 'true' },
        }))
        .sort((a, b) => (a.metadata.topic < b.metadata.topic ? 1 : -1)),
    async open() {
      if (broker === undefined || subscribers.length === 0) return;
      await broker.connect();
      for (const { topic, handler, options } of subscribers) {
        const deliver = async (delivery: Delivery): Promise<void> => {
          try {
            await handle(handler, delivery);
          } catch (error) {
            logger.log('error', `subscriber of ${topic} failed: ${String(error)}`, { topic });
            throw error;
          }
        };
        open.push(await broker.subscribe(topic, deliver, { queue: options.queue, autoAck: options.autoAck }));
      }
    },
    async close() {
      const closing = open;
      open = [];
      await Promise.all(closing.map((subscription) => subscription.close()));
    },
  };
}

/** The context of an event: what its publisher said, no deadline, and a signal that aborts with the server. */
function eventContext(service: string, delivery: Delivery, signal: AbortSignal): Context {
  let metadata: Metadata | undefined;
  const ctx: Context & { account: Account | undefined } = {
    service,
    endpoint: delivery.topic,
    signal,
    deadline: undefined,
    timeLeft: () => Number.POSITIVE_INFINITY,
    get metadata() {
      metadata ??= metadataFrom(delivery.message.header);
      return metadata;
    },
    peer: undefined,
    account: undefined,
    forward: (): CallOptions => ({ signal, metadata: ctx.metadata }),
  };
  return ctx;
}
