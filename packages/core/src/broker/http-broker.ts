import { randomUUID } from 'node:crypto';
import type { Broker, BrokerSubscribeOptions, Delivery, Subscription } from '../contract/broker.ts';
import type { Registry, ServiceRecord } from '../contract/registry.ts';
import { CODE } from '../error/code.ts';
import { advertisedAs } from '../util/advertised-address.ts';
import { now } from '../util/clock.ts';
import { inTurn } from '../util/in-turn.ts';
import { limitOf } from '../util/limit.ts';
import type { TlsOptions } from '../util/tls.ts';
import { within } from '../util/within.ts';
import { brokerError, notConnected } from './broker-error.ts';
import { createFailureReport, reportLate } from './broker-failure.ts';
import { type BrokerOptions, brokerSettings, span } from './broker-options.ts';
import { checkMessage, checkSubscribe, checkTopic } from './check-message.ts';
import { decodeEnvelope, encodeEnvelope } from './envelope.ts';
import { type HttpListener, listenHttp } from './http-listener.ts';
import { BROADCAST_VERSION, HTTP_BROKER_SERVICE } from './http-message.ts';
import { createHttpSender, type HttpSender, type HttpTarget } from './http-sender.ts';
import { createHttpTargets } from './http-targets.ts';
import { createNodeIds } from './node-id.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import { createReceiver, type Receiver } from './receiver.ts';
import { keepRecord, type SubscriptionRecord } from './subscription-record.ts';

/** What an http broker may take; only the registry is needed. Every number: `undefined` is the default, `0` is off. */
export interface HttpBrokerOptions extends BrokerOptions {
  /**
   * Where subscribers are registered and found. It is asked at each publish, so give one that remembers, such as
   * `cachedRegistry(...)`. It is not closed here.
   */
  readonly registry: Registry;
  /**
   * Where subscribers listen: `host:port`, `:port` or `host:first-last`. Default `:0`, any free port on every interface
   * (go-micro's listens on loopback); `127.0.0.1:0` keeps it to this machine. Nothing listens before the first subscription.
   */
  readonly address?: string | undefined;
  /** The address that publishers should use, with or without a port. Default: found from what was bound. */
  readonly advertise?: string | undefined;
  /**
   * Tells this broker from others: a subscription is `<topic>-<id>`. One that keeps its id through a restart gets what was
   * kept for it meanwhile, also without a queue. Default: a random UUID.
   */
  readonly id?: string | undefined;
  /** TLS for what listens and what publishes. Default: none. */
  readonly tls?: TlsOptions | undefined;
  /** How long a subscription's record lives without being renewed, in milliseconds. Default 60,000, as in go-micro. */
  readonly registerTtlMs?: number | undefined;
  /** How often it is renewed, in milliseconds. Default 30,000, as in go-micro. */
  readonly registerIntervalMs?: number | undefined;
  /** How long connecting to a subscriber may take, in milliseconds. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** How long a subscriber may take to answer, in milliseconds. Default 60,000. */
  readonly deliveryTimeoutMs?: number | undefined;
  /** Connections that are held at once by what listens. Default 10,000. */
  readonly maxConnections?: number | undefined;
  /** Bytes of messages that are received and handled at once. Default 256 MiB; past it they are refused for now. */
  readonly maxReceivingBytes?: number | undefined;
}

/** A subscription; it has a receiver and a record while the broker is connected. */
interface HttpSubscription {
  readonly nodeId: string;
  readonly topic: string;
  readonly queue: string | undefined;
  readonly concurrency: number;
  readonly open: () => Receiver;
  receiver: Receiver | undefined;
  record: SubscriptionRecord | undefined;
  isClosed: boolean;
}

const REGISTER_TTL_MS = 60_000;
const REGISTER_INTERVAL_MS = 30_000;
const LOOKUP_TIMEOUT_MS = 5_000;
const MOST_RECEIVING_BYTES = 256 * 1024 * 1024;

/**
 * go-micro's default broker: subscribers are registered as nodes of the service `micro.http.broker`, publishers post each
 * message to them. Go services publish to it and subscribe to it.
 *
 * `publish` resolves when the message is in this process's inbox of the topic; from there it is handed to every subscriber
 * without a queue and to one of each queue, in order, and again until it was handled, given up after `maxDeliveries`, or
 * too old: at least once, as long as this process lives. A topic without subscribers is no error: its messages are dropped.
 * A queue without subscribers is kept for, as long as `inbox.maxAgeMs`, so that a restart loses nothing.
 */
export function httpBroker(options: HttpBrokerOptions): Broker {
  const { registry, logger, tls } = options;
  const settings = brokerSettings(options);
  const report = createFailureReport(options);
  const nodeIds = createNodeIds(options.id ?? randomUUID());
  const turn = inTurn();
  const subscriptions = new Map<string, HttpSubscription>();
  let connection: { readonly outbox: Outbox<Buffer>; readonly sender: HttpSender } | undefined;
  let listener: HttpListener | undefined;
  let address: string | undefined;

  const lookUp = createHttpTargets((): readonly ServiceRecord[] | Promise<readonly ServiceRecord[]> => {
    const found = registry.getService(HTTP_BROKER_SERVICE);
    if (!(found instanceof Promise)) return found;
    return within(LOOKUP_TIMEOUT_MS, `looking up subscribers in the ${registry.name} registry`, () => found);
  });

  const find = (id: string, topic: string): Receiver | undefined => {
    const subscription = subscriptions.get(id);
    return subscription?.topic === topic ? subscription.receiver : undefined;
  };

  const listen = async (): Promise<void> => {
    if (listener !== undefined) return;
    listener = await listenHttp({
      address: options.address ?? ':0',
      tls,
      settings,
      maxReceivingBytes: limitOf('maxReceivingBytes', options.maxReceivingBytes, MOST_RECEIVING_BYTES),
      maxConnections: limitOf('maxConnections', options.maxConnections, 10_000),
      find,
      report,
    });
    address = advertisedAs(options.advertise, listener.address);
    logger?.log('info', `the http broker listens on ${listener.address}`, { advertised: address });
  };

  /** Opens a subscription: first the handler, then the record that leads publishers to it. */
  const activate = async (subscription: HttpSubscription): Promise<void> => {
    if (subscription.receiver !== undefined || subscription.isClosed) return;
    await listen();
    subscription.receiver = subscription.open();
    try {
      subscription.record = await keepRecord({
        registry,
        logger,
        record: recordOf(subscription, address ?? '', tls !== undefined),
        ttlMs: options.registerTtlMs ?? REGISTER_TTL_MS,
        intervalMs: options.registerIntervalMs ?? REGISTER_INTERVAL_MS,
      });
    } catch (error) {
      await rest(subscription, 0);
      throw error;
    }
    connection?.outbox.refresh(subscription.topic);
    if (subscription.isClosed) await rest(subscription, settings.drainMs);
  };

  /** Not found any more, then nothing new, then wait for what runs. */
  const rest = async (subscription: HttpSubscription, budgetMs: number): Promise<void> => {
    const { receiver, record, topic } = subscription;
    subscription.record = undefined;
    await record?.close();
    const unfinished = (await receiver?.close(budgetMs)) ?? 0;
    subscription.receiver = undefined;
    if (unfinished > 0) logger?.log('warn', `${unfinished} handlers of ${topic} did not return within ${budgetMs} ms`);
  };

  const connect = async (): Promise<void> => {
    if (connection !== undefined) return;
    const sender = createHttpSender({
      tls,
      connectTimeoutMs: span('connectTimeoutMs', options.connectTimeoutMs, 5_000),
      timeoutMs: span('deliveryTimeoutMs', options.deliveryTimeoutMs, 60_000),
    });
    const outbox = createOutbox<HttpTarget, Buffer>({
      settings,
      targets: lookUp,
      send: sender.post,
      read: decodeEnvelope,
      report,
    });
    connection = { outbox, sender };
    try {
      for (const subscription of subscriptions.values()) await activate(subscription);
    } catch (error) {
      await disconnect();
      throw error;
    }
  };

  const disconnect = async (): Promise<void> => {
    if (connection === undefined) return;
    const { outbox, sender } = connection;
    const begun = now();
    // What is for our own subscriptions goes while they are there; then publishers go last, as handlers may publish.
    await outbox.flush(settings.flushMs);
    const left = begun + settings.flushMs - now();
    await Promise.all([...subscriptions.values()].map((subscription) => rest(subscription, settings.drainMs)));
    await outbox.flush(left);
    connection = undefined;
    outbox.close();
    sender.close();
    await listener?.close();
    listener = undefined;
    address = undefined;
  };

  return {
    name: 'http',
    get address() {
      return address;
    },
    connect: () => turn(connect),
    disconnect: () => turn(disconnect),

    async publish(topic, message, { signal } = {}) {
      checkMessage(topic, message, settings.maxMessageBytes);
      if (connection === undefined) throw notConnected(topic);
      const payload = encodeEnvelope(topic, message);
      await connection.outbox.publish(topic, payload, payload.length, signal);
    },

    async subscribe(topic, handler, given = {}): Promise<Subscription> {
      const subscription = declare(topic, handler, given);
      subscriptions.set(subscription.nodeId, subscription);
      const close = async (): Promise<void> => {
        if (subscription.isClosed) return;
        subscription.isClosed = true;
        await rest(subscription, settings.drainMs);
        subscriptions.delete(subscription.nodeId);
        nodeIds.free(subscription.nodeId);
      };
      try {
        await turn(async () => {
          if (connection !== undefined) await activate(subscription);
        });
      } catch (error) {
        await close();
        throw error;
      }
      return { topic, close };
    },
  };

  function declare(
    topic: string,
    handler: (delivery: Delivery) => unknown,
    { queue, autoAck = true, concurrency = 1, ...rest }: BrokerSubscribeOptions,
  ): HttpSubscription {
    checkTopic(topic);
    checkSubscribe({ queue, concurrency, ...rest });
    if (queue === BROADCAST_VERSION) {
      throw brokerError(CODE.badRequest, `queue ${queue} is the name for having no queue: choose another`);
    }
    return {
      nodeId: nodeIds.take(topic),
      topic,
      queue: queue === '' ? undefined : queue,
      concurrency,
      open: () =>
        createReceiver({ topic, handler, autoAck, concurrency, ...settings, failedLate: reportLate(topic, report) }),
      receiver: undefined,
      record: undefined,
      isClosed: false,
    };
  }
}

/** The record as go-micro makes it. `concurrency` is ours: Go ignores it, our publishers send so many at once. */
function recordOf(subscription: HttpSubscription, address: string, secure: boolean): ServiceRecord {
  const { nodeId, topic, queue, concurrency } = subscription;
  const more = concurrency === 1 ? {} : { concurrency: String(concurrency) };
  return {
    name: HTTP_BROKER_SERVICE,
    version: queue ?? BROADCAST_VERSION,
    metadata: {},
    endpoints: [],
    nodes: [{ id: nodeId, address, metadata: { broker: 'http', secure: String(secure), topic, ...more } }],
  };
}
