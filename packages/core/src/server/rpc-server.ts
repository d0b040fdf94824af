import type { Broker } from '../contract/broker.ts';
import type { Codec } from '../contract/codec.ts';
import type { Describes } from '../contract/definition.ts';
import type { Logger } from '../contract/logger.ts';
import type { Registry, ServiceRecord } from '../contract/registry.ts';
import type { HandleOptions, Server, ServerStatus, SubscribeOptions } from '../contract/server.ts';
import type { Listener, ListenOptions, Transport } from '../contract/transport.ts';
import type { PlainHandlers } from '../contract/typed.ts';
import { describe } from '../rpc/describe.ts';
import { describePlain } from '../rpc/describe-plain.ts';
import { advertisedAs } from '../util/advertised-address.ts';
import { inTurn } from '../util/in-turn.ts';
import { sleep } from '../util/timer.ts';
import { within } from '../util/within.ts';
import { announceStarted } from './announce.ts';
import { createDeadlineWatch } from './deadline-watch.ts';
import { createRegistration, type RegistrationState } from './registration.ts';
import { createRouter } from './router.ts';
import { createServe } from './serve.ts';
import type { ServerSettings } from './server-settings.ts';
import { createSubscribers, type EventHandler } from './subscribers.ts';

/** What a server is made from. */
export interface RpcServerOptions extends ServerSettings {
  /** The name that the registry knows it by. */
  readonly name: string;
  readonly version: string;
  /** Tells this instance from others: the node is `<name>-<id>`. */
  readonly id: string;
  /** What the node's registry record says besides what go-micro puts there. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Where to listen: `host:port`, `:port` or `host:first-last`. */
  readonly address: string;
  readonly transport: Transport;
  readonly registry: Registry;
  /** Needed to subscribe. */
  readonly broker?: Broker | undefined;
  readonly codecs: (contentType: string) => Codec | undefined;
  readonly logger: Logger;
  /** Answers requests that are HTTP but no call, where the transport can. */
  readonly plain?: ListenOptions['plain'];
  /** Runs when everything has finished and before connections close. */
  readonly afterDrain?: (() => Promise<void>) | undefined;
}

/** A server, and what it knows of itself. */
export interface RpcServer extends Server {
  readonly registration: RegistrationState;
  /** Calls and streams that were begun, and answers that were errors, since it was made. */
  readonly counters: { readonly requests: number; readonly errors: number };
}

const REGISTER_TTL_MS = 90_000;
const REGISTER_INTERVAL_MS = 30_000;
const SETTLE_MS = 100;
const DRAIN_MS = 25_000;
const CLOSE_MS = 5_000;
const CONNECT_MS = 30_000;

/** The server of go-micro's protocol (`mucp`). It drains when it stops. */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  const { name, logger, transport, registry, broker, codecs } = options;
  const router = createRouter(options.middleware ?? []);
  const subscribers = createSubscribers({
    name,
    broker,
    codecs,
    logger,
    middleware: options.subscriberMiddleware ?? [],
  });
  const deadlines = createDeadlineWatch();

  let status: ServerStatus = 'stopped';
  let listener: Listener | undefined;
  let inFlight = 0;
  const counters = { requests: 0, errors: 0 };
  let idle: (() => void) | undefined;
  const turn = inTurn();

  const serve = createServe({
    name,
    router,
    codecs,
    dispatch: subscribers.dispatch,
    deadlines,
    refusal: () => (status === 'stopping' ? `${name} is draining` : undefined),
    began() {
      inFlight += 1;
      counters.requests += 1;
    },
    ended() {
      inFlight -= 1;
      if (inFlight === 0) idle?.();
    },
    erred() {
      counters.errors += 1;
    },
    failed(endpoint, error) {
      logger.log('error', `${endpoint || 'a request'} failed: ${error.detail}`, { endpoint, error: error.cause });
    },
  });

  const current = (): ServiceRecord => record(options, listener, [...router.endpoints(), ...subscribers.endpoints()]);
  const registration = createRegistration({
    registry,
    logger,
    record: current,
    check: options.registerCheck ?? (() => true),
    ttlMs: options.registerTtlMs ?? REGISTER_TTL_MS,
    intervalMs: options.registerIntervalMs ?? REGISTER_INTERVAL_MS,
  });

  const start = async (): Promise<void> => {
    status = 'starting';
    try {
      const bound = await transport.listen(options.address, serve, {
        name,
        plain: options.plain,
        services: router.follow,
        ready: () => status === 'running' && registration.state === 'registered',
      });
      listener = bound;
      await within(CONNECT_MS, 'subscribing', () => subscribers.open());
      // Last: whoever finds the service can call it.
      await registration.start();
      status = 'running';
      logger.log('info', `${name} listens on ${bound.address}`, {
        transport: transport.name,
        registry: registry.name,
        node: nodeId(options),
        advertised: advertisedAs(options.advertise, bound.address),
      });
      announceStarted(current);
    } catch (error) {
      await halt();
      throw error;
    }
  };

  /** Not found any more, then nothing new, then wait for what runs. Each phase has its budget; what is cut is logged. */
  const stop = async (): Promise<void> => {
    status = 'draining';
    const mayBeFound = registration.state === 'registered' || registration.state === 'lost';
    await registration.stop();
    if (mayBeFound) await sleep(options.settleMs ?? SETTLE_MS);
    status = 'stopping';
    listener?.drain();
    await attempt('closing subscriptions', options.drainMs ?? DRAIN_MS, () => subscribers.close());
    await drained();
    await attempt('the hooks after draining', options.drainMs ?? DRAIN_MS, async () => options.afterDrain?.());
    await halt();
  };

  const drained = async (): Promise<void> => {
    if (inFlight === 0) return;
    const budget = options.drainMs ?? DRAIN_MS;
    const finished = new Promise<void>((resolve) => {
      idle = resolve;
    });
    try {
      await within(budget, 'draining', () => finished);
    } catch {
      logger.log('warn', `${name} stopped with ${inFlight} calls and streams unfinished after ${budget} ms`);
    } finally {
      idle = undefined;
    }
  };

  const halt = async (): Promise<void> => {
    const closing = listener;
    listener = undefined;
    await registration.stop();
    await attempt('closing subscriptions', CLOSE_MS, () => subscribers.close());
    if (closing !== undefined) await attempt('closing the listener', CLOSE_MS, () => closing.close());
    deadlines.close();
    status = 'stopped';
  };

  const attempt = async (what: string, budgetMs: number, run: () => Promise<unknown>): Promise<void> => {
    try {
      await within(budgetMs, what, run);
    } catch (error) {
      logger.log('warn', `${what} failed: ${String(error)}`);
    }
  };

  function handle(described: object | string, handlers: object, handleOptions?: HandleOptions): void {
    const definition =
      typeof described === 'string'
        ? describePlain(described, handlers as PlainHandlers)
        : describe(described as Describes);
    router.add(definition, handlers, handleOptions);
  }

  return {
    name: 'mucp',
    counters,
    get registration() {
      return registration.state;
    },
    get status() {
      return status;
    },
    get address() {
      return listener?.address;
    },
    handle: handle as Server['handle'],
    subscribe(topic: string, handler: EventHandler, subscribeOptions: SubscribeOptions = {}) {
      subscribers.add(topic, handler, subscribeOptions);
    },
    start: () => turn(async () => (status === 'stopped' ? start() : undefined)),
    stop() {
      if (status === 'starting') registration.interrupt();
      return turn(async () => (status === 'stopped' ? undefined : stop()));
    },
  };
}

function nodeId({ name, id }: RpcServerOptions): string {
  return `${name}-${id}`;
}

/** The record as go-micro makes it: five names in the metadata are the framework's. */
function record(
  options: RpcServerOptions,
  listener: Listener | undefined,
  endpoints: ServiceRecord['endpoints'],
): ServiceRecord {
  if (listener === undefined) throw new Error('the server does not listen');
  const { name, version, metadata, transport, registry, broker } = options;
  return {
    name,
    version,
    metadata: {},
    endpoints,
    nodes: [
      {
        id: nodeId(options),
        address: advertisedAs(options.advertise, listener.address),
        metadata: {
          ...metadata,
          protocol: 'mucp',
          transport: transport.name,
          registry: registry.name,
          server: 'mucp',
          broker: broker?.name ?? 'none',
          ...listener.metadata,
        },
      },
    ],
  };
}
