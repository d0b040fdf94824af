import { type Broker, type BrokerMessage, CODE, MicroError, type Subscription } from '@micro/core';
import {
  brokerError,
  checkMessage,
  checkSubscribe,
  createFailureReport,
  encodeEnvelope,
  inTurn,
  LONGEST_TIMER_MS,
  notConnected,
  reasonOf,
  steadyLogger,
  within,
} from '@micro/core/plugin';
import type { NatsConnection } from 'nats';
import { coreCarrier } from './core-carrier.ts';
import { coreSubscription } from './core-subscription.ts';
import { createBury } from './dead-letter.ts';
import { createDial } from './dial.ts';
import { givenLink } from './given-link.ts';
import { askJetStream } from './jetstream-api.ts';
import { jetStreamCarrier } from './jetstream-carrier.ts';
import { type JetStreamSettings, jetStreamSettings } from './jetstream-options.ts';
import { jetStreamSubscription } from './jetstream-subscription.ts';
import type { Link, LinkEvents } from './link.ts';
import { messageOf } from './message-of.ts';
import { type NatsBrokerOptions, type NatsSettings, natsSettings } from './nats-options.ts';
import type { NatsSubscription, Wanted } from './nats-subscription.ts';
import { createNatsOutbox } from './outbox.ts';
import { ownLink } from './own-link.ts';
import { parseServers } from './servers.ts';
import { createStreams } from './streams.ts';
import { checkPublishTopic, checkQueue, checkSubscribeTopic } from './subject.ts';

/** Topics that were found to be good are not looked at again; so many are remembered. */
const MOST_CHECKED = 1_000;
const LAST_WORDS_MS = 1_000;

/**
 * A broker over NATS, in the envelope of go-micro's plugin: Go services publish to it and subscribe to it. The subject is the
 * topic, a queue is a queue group, and `*` and `>` are wildcards in what is subscribed to.
 *
 * `publish` resolves when the server has the message (with `jetStream`: when a stream keeps it). While there is no server it
 * waits for one, up to `publishTimeoutMs`; a connection that was lost is made again for as long as it takes, with its
 * subscriptions. Plain NATS hands a message to those who are there at that moment, once. With `jetStream` a message is kept
 * until it was handled.
 */
export function natsBroker(options: NatsBrokerOptions = {}): Broker {
  // What it throws would end the reading of a connection, or the process.
  const logger = steadyLogger(options.logger);
  const settings = natsSettings(options);
  const jetStream = jetStreamSettings(options.jetStream);
  const streams = jetStream === undefined ? undefined : createStreams(jetStream);
  const report = createFailureReport({ onError: options.onError, logger });
  const turn = inTurn();
  const subscriptions = new Set<NatsSubscription>();
  const checked = new Set<string>();
  let isOpen = false;
  let busy = 0;
  /** Aborted for all who are to connect, or wait for their turn to, when it is disconnected. */
  let connecting = new AbortController();

  const outbox = createNatsOutbox({
    settings,
    carrier: (events) => (streams === undefined ? coreCarrier(events) : jetStreamCarrier(streams, events)),
    trouble: () => link.trouble,
    lost: ({ topic, payload }, error) =>
      report({ topic, error, deliveries: 0, willRepeat: false, message: () => messageOf(payload) }),
  });

  const events: LinkEvents = {
    up(connection) {
      for (const subscription of subscriptions) {
        subscription.up(connection).catch((error: unknown) => {
          // The server did not say no, or the next connection has it: it comes by itself.
          if (!isRefusal(error) || link.connection !== connection) return;
          logger?.log('error', `cannot subscribe to ${subscription.topic}: ${reasonOf(error)}`, { error });
        });
      }
      outbox.up(connection);
    },
    down() {
      for (const subscription of subscriptions) subscription.down();
      outbox.down();
    },
    refused(what, subject) {
      if (what === 'publish') outbox.refused(subject);
      else for (const subscription of subscriptions) if (subscription.topic === subject) subscription.refused();
    },
  };

  const link = linkOf({ ...options, logger }, settings, events);

  const connect = async (unwanted: AbortSignal): Promise<void> => {
    if (isOpen) return;
    await link.open(unwanted);
    try {
      if (jetStream !== undefined && link.connection !== undefined) await checkJetStream(link.connection, jetStream);
    } catch (error) {
      await link.close();
      events.down();
      throw error;
    }
    isOpen = true;
    logger?.log('info', `connected to the NATS server at ${link.address}`);
  };

  const disconnect = async (): Promise<void> => {
    if (!isOpen) return;
    // Handlers may publish, so subscriptions go first.
    await Promise.all([...subscriptions].map((subscription) => rest(subscription, false)));
    isOpen = false;
    await outbox.flush(settings.flushMs);
    const { connection } = link;
    // What was acknowledged last is still to be written.
    if (connection !== undefined) await within(LAST_WORDS_MS, 'the server', () => connection.flush()).catch(() => {});
    await link.close();
    events.down();
    outbox.close();
  };

  const rest = async (subscription: NatsSubscription, leaves: boolean): Promise<void> => {
    const running = await subscription.rest(settings.drainMs, leaves);
    if (running === 0) return;
    logger?.log('warn', `${running} handlers of ${subscription.topic} did not return within ${settings.drainMs} ms`);
  };

  const inOrder = (task: () => Promise<void>): Promise<void> => {
    busy += 1;
    return turn(task).finally(() => {
      busy -= 1;
    });
  };

  const publish = (topic: string, message: BrokerMessage, signal: AbortSignal | undefined): Promise<void> => {
    if (!checked.has(topic)) {
      checkPublishTopic(topic);
      if (checked.size >= MOST_CHECKED) checked.clear();
      checked.add(topic);
    }
    checkMessage(topic, message, settings.maxMessageBytes);
    if (!isOpen) throw notConnected(topic);
    return outbox.post(topic, encodeEnvelope(topic, message), { signal });
  };

  const make = (wanted: Wanted): NatsSubscription => {
    if (jetStream === undefined || streams === undefined) return coreSubscription({ wanted, settings, report });
    const { deadLetter } = jetStream;
    const bury = deadLetter === undefined ? undefined : createBury(deadLetter, outbox);
    return jetStreamSubscription({ wanted, settings, jetStream, streams, bury, report, logger });
  };

  return {
    name: 'nats',
    get address() {
      return isOpen ? link.address : undefined;
    },
    // A client asks before each message it publishes.
    connect() {
      if (isOpen && busy === 0) return CONNECTED;
      const { signal } = connecting;
      return inOrder(() => connect(signal));
    },
    disconnect() {
      // Whoever is still trying to connect need not go on.
      if (busy > 0) {
        connecting.abort();
        connecting = new AbortController();
      }
      return inOrder(disconnect);
    },

    publish(topic, message, { signal } = {}) {
      try {
        return publish(topic, message, signal);
      } catch (error) {
        return Promise.reject(error);
      }
    },

    async subscribe(topic, handler, given = {}): Promise<Subscription> {
      checkSubscribe(given);
      checkSubscribeTopic(topic);
      const queue = given.queue === '' ? undefined : given.queue;
      if (queue !== undefined) checkQueue(queue);
      const { autoAck = true, concurrency = 1 } = given;
      const subscription = make({ topic, queue, handler, autoAck, concurrency });
      let closing: Promise<void> | undefined;
      const close = (): Promise<void> => {
        subscriptions.delete(subscription);
        closing ??= rest(subscription, true);
        return closing;
      };
      subscriptions.add(subscription);
      try {
        const { connection } = link;
        if (connection !== undefined) await begin(subscription, connection);
      } catch (error) {
        await close();
        throw error;
      }
      return { topic, close };
    },
  };

  /** The first time it is waited for; a connection that is lost meanwhile does not matter, the next one has it too. */
  async function begin(subscription: NatsSubscription, connection: NatsConnection): Promise<void> {
    const limit = Number.isFinite(settings.connectTimeoutMs) ? settings.connectTimeoutMs : 0;
    try {
      await within(limit, `subscribing to ${subscription.topic} at ${link.address}`, () => subscription.up(connection));
    } catch (error) {
      if (link.connection === connection) throw error;
    }
  }
}

const CONNECTED = Promise.resolve();

function isRefusal(error: unknown): boolean {
  return error instanceof MicroError && error.code !== CODE.timeout && error.code !== CODE.unavailable;
}

function linkOf(options: NatsBrokerOptions, settings: NatsSettings, events: LinkEvents): Link {
  const { connection, servers, tls, discover = true, connectionName = 'micro', logger } = options;
  const { user, password, token, nkey, credentialsFile } = options;
  if (connection !== undefined) {
    if ([servers, tls, user, password, token, nkey, credentialsFile].some((setting) => setting !== undefined)) {
      throw brokerError(CODE.badRequest, 'give a connection, or servers and what belongs to them, not both');
    }
    return givenLink({ connection, settings, logger, events });
  }
  const timeoutMs = Number.isFinite(settings.dialTimeoutMs) ? settings.dialTimeoutMs : LONGEST_TIMER_MS;
  const credentials = { user, password, token, nkey, credentialsFile };
  const dial = createDial({ credentials, tls, connectionName, timeoutMs });
  return ownLink({ servers: parseServers(servers), dial, discover, settings, logger, events });
}

/** Throws when the server has no JetStream: better at the start than at the first event. */
async function checkJetStream(connection: NatsConnection, { api }: JetStreamSettings): Promise<void> {
  const answer = await askJetStream(connection, `${api}.INFO`);
  if ('value' in answer) return;
  const detail = `the NATS server at ${connection.getServer()} has no JetStream for us: ${answer.failure.description}`;
  throw brokerError(answer.failure.code === 503 ? CODE.unavailable : CODE.badRequest, detail);
}
