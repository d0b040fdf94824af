import type { Broker, Delivery, Subscription } from '../contract/broker.ts';
import type { Codec } from '../contract/codec.ts';
import type { Peer } from '../contract/context.ts';
import type { MessageType } from '../contract/definition.ts';
import type { EventContext } from '../contract/event.ts';
import { HEADER } from '../contract/header.ts';
import type { Logger } from '../contract/logger.ts';
import type { Handler, Middleware } from '../contract/middleware.ts';
import type { RegisteredEndpoint } from '../contract/registry.ts';
import type { SubscribeOptions } from '../contract/server.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { compose } from '../middleware/compose.ts';
import { messageValue } from '../rpc/endpoint-value.ts';
import { eventType } from '../rpc/event-type.ts';
import { legacyRoute } from '../rpc/legacy-route.ts';
import { validate } from '../rpc/validate.ts';
import { reasonOf } from '../util/reason.ts';
import { eventContext } from './event-context.ts';

/** What a subscriber does with an event. */
export type EventHandler = (message: unknown, ctx: EventContext) => unknown;

/** The subscribers of a server. */
export interface Subscribers {
  /** Adds one; on a server that runs it is subscribed at once. Throws 501 without a broker, 400 for what means nothing. */
  add(topic: string, handler: EventHandler, options: SubscribeOptions): void;
  /** What the registry is told, sorted by topic descending as go-micro does. */
  endpoints(): readonly RegisteredEndpoint[];
  /** Connects the broker and subscribes; does nothing when there is no subscriber. */
  open(): Promise<void>;
  /**
   * Hands an event that came over the RPC port to the subscribers of its topic: each without a queue, and one of each
   * queue. Throws go-micro's 500 with the reasons of all that failed.
   */
  dispatch(event: Delivery, peer: Peer): Promise<void>;
  /** Takes no more events and waits for the handlers that run. */
  close(): Promise<void>;
}

/** What subscribers are made from. */
export interface SubscribersOptions {
  readonly name: string;
  readonly broker: Broker | undefined;
  readonly codecs: (contentType: string) => Codec | undefined;
  readonly logger: Logger;
  /** Around every handler, the first one outermost. */
  readonly middleware: readonly Middleware[];
}

interface Subscriber {
  readonly topic: string;
  readonly type: MessageType;
  readonly options: SubscribeOptions;
  /** The handler with the middleware around it. */
  readonly handler: Handler;
}

/** What go-micro calls a subscriber that is a function. */
const FUNC = 'Func';

/** Makes the subscribers of a server: one subscription at the broker for each. */
export function createSubscribers({ name, broker, codecs, logger, middleware }: SubscribersOptions): Subscribers {
  const subscribers: Subscriber[] = [];
  const topics = new Map<string, Subscriber[]>();
  let open: Subscription[] = [];
  let isOpen = false;
  let dispatched = 0;
  let running = new AbortController();

  /** Decodes, checks and handles one event. */
  const handle = async (subscriber: Subscriber, delivery: Delivery, peer?: Peer): Promise<void> => {
    const { topic, type, handler } = subscriber;
    const { header, body } = delivery.message;
    // go-micro takes an event without a content type for protobuf.
    const contentType = header[HEADER.CONTENT_TYPE] ?? 'application/protobuf';
    // An event of the two legacy types is the bare value: the envelope is for calls.
    const codec = codecs(legacyRoute(contentType, false)?.contentType ?? contentType);
    if (codec === undefined) {
      const detail = `unsupported Content-Type: ${contentType.slice(0, 100)}`;
      throw new MicroError({ id: name, code: CODE.unsupportedMediaType, detail });
    }
    const message = await validate(type, codec.decode(body, type));
    const ctx = eventContext(name, delivery, running.signal, peer);
    await handler({ service: name, endpoint: topic, kind: 'unary', contentType, body: message }, ctx);
  };

  const subscribe = async (subscriber: Subscriber, to: Broker): Promise<void> => {
    const { topic, options } = subscriber;
    const deliver = async (delivery: Delivery): Promise<void> => {
      try {
        await handle(subscriber, delivery);
      } catch (error) {
        logger.log('error', `a subscriber of ${topic} failed: ${reasonOf(error)}`, { topic, error });
        throw error;
      }
    };
    const { queue, autoAck, concurrency } = options;
    const subscription = await to.subscribe(topic, deliver, { queue, autoAck, concurrency });
    if (isOpen) open.push(subscription);
    else await subscription.close();
  };

  const closeAll = async (): Promise<void> => {
    isOpen = false;
    const closing = open;
    open = [];
    await Promise.all(closing.map((subscription) => subscription.close()));
    // Those that did not return in time learn that nobody waits any more.
    running.abort(new MicroError({ id: name, code: CODE.cancelled, detail: `${name} was stopped` }));
  };

  return {
    add(topic, handler, options) {
      if (broker === undefined) {
        const detail = `cannot subscribe to ${topic}: the service has no broker`;
        throw new MicroError({ id: name, code: CODE.notImplemented, detail });
      }
      if (typeof topic !== 'string' || topic === '' || typeof handler !== 'function') {
        const detail = `a subscriber is a topic and a function, not ${JSON.stringify(topic)} and ${typeof handler}`;
        throw new MicroError({ id: name, code: CODE.badRequest, detail });
      }
      // Middleware hands on the context that it was given.
      const innermost: Handler = (request, ctx) => handler(request.body, ctx as EventContext);
      const type = eventType(topic, options.message);
      const subscriber = { topic, type, options, handler: compose(middleware, innermost) };
      subscribers.push(subscriber);
      topics.set(topic, [...(topics.get(topic) ?? []), subscriber]);
      if (!isOpen) return;
      const late = async (): Promise<void> => {
        await broker.connect();
        await subscribe(subscriber, broker);
      };
      late().catch((error: unknown) => {
        logger.log('error', `cannot subscribe to ${topic}: ${reasonOf(error)}`, { topic, error });
      });
    },

    endpoints: () =>
      subscribers
        .filter(({ options }) => options.internal !== true)
        .map(({ topic, type }) => ({
          name: FUNC,
          ...(type.name === '' ? {} : { request: messageValue(type) }),
          metadata: { topic, subscriber: 'true' },
        }))
        .sort((a, b) => Number(a.metadata.topic < b.metadata.topic) - Number(a.metadata.topic > b.metadata.topic)),

    async open() {
      isOpen = true;
      running = new AbortController();
      if (broker === undefined || subscribers.length === 0) return;
      try {
        await broker.connect();
        for (const subscriber of [...subscribers]) await subscribe(subscriber, broker);
      } catch (error) {
        await closeAll();
        throw error;
      }
    },

    async dispatch(event, peer) {
      const everybody = topics.get(event.topic) ?? [];
      const queues = new Map<string, Subscriber[]>();
      const chosen: Subscriber[] = [];
      for (const subscriber of everybody) {
        const { queue } = subscriber.options;
        if (queue === undefined || queue === '') chosen.push(subscriber);
        else queues.set(queue, [...(queues.get(queue) ?? []), subscriber]);
      }
      dispatched += 1;
      for (const members of queues.values()) {
        const member = members[dispatched % members.length];
        if (member !== undefined) chosen.push(member);
      }
      const outcomes = await Promise.allSettled(chosen.map((subscriber) => handle(subscriber, event, peer)));
      const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [reasonOf(outcome.reason)] : []));
      if (reasons.length === 0) return;
      const detail = `subscriber error: ${reasons.join('\n')}`;
      logger.log('error', `subscribers of ${event.topic} failed: ${reasons.join('; ')}`, { topic: event.topic });
      throw new MicroError({ id: 'go.micro.server', code: CODE.internal, detail });
    },

    close: closeAll,
  };
}
