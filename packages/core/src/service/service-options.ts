import type { ClientSettings } from '../client/client-settings.ts';
import type { Auth } from '../contract/auth.ts';
import type { Broker } from '../contract/broker.ts';
import type { Cache } from '../contract/cache.ts';
import type { Codec } from '../contract/codec.ts';
import type { Config } from '../contract/config.ts';
import type { Tracer } from '../contract/debug.ts';
import type { Logger } from '../contract/logger.ts';
import type { Profile } from '../contract/profile.ts';
import type { Registry } from '../contract/registry.ts';
import type { Runtime } from '../contract/runtime.ts';
import type { Selector } from '../contract/selector.ts';
import type { Hook } from '../contract/service.ts';
import type { Store } from '../contract/store.ts';
import type { Transport } from '../contract/transport.ts';
import type { ServerSettings } from '../server/server-settings.ts';

/** Functions that run at moments of a service's life, each list in its order. */
export interface Hooks {
  readonly beforeStart?: readonly Hook[] | undefined;
  readonly afterStart?: readonly Hook[] | undefined;
  readonly beforeStop?: readonly Hook[] | undefined;
  /** Every call has finished and nothing new comes in; connections still stand. */
  readonly afterDrain?: readonly Hook[] | undefined;
  readonly afterStop?: readonly Hook[] | undefined;
}

/** What a service shows of itself to those who operate it. */
export interface DebugSettings {
  /** Serves go-micro's `Debug.Health`, `Debug.Stats`, `Debug.Log` and `Debug.Trace`, unlisted. Default true. */
  readonly endpoints?: boolean | undefined;
  /** Answers `GET /health/live` and `GET /health/ready` on the service's own port. Default true. */
  readonly health?: boolean | undefined;
  /** Lines of the log that `Debug.Log` can show. Default 1,024; 0 keeps none. */
  readonly logLines?: number | undefined;
}

/** What a service is made from; only the name is needed. What it is given it closes when it stops. */
export interface ServiceOptions {
  /** What others call it by. */
  readonly name: string;
  /** Default `latest`, as in go-micro. */
  readonly version?: string | undefined;
  /** Tells this instance from others of the same name. Default: a random UUID. */
  readonly id?: string | undefined;
  /** What the registry says about this node. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Default `mdnsRegistry()`. */
  readonly registry?: Registry | undefined;
  /** Default `httpTransport()`. */
  readonly transport?: Transport | undefined;
  /** Default: over the registry, remembered, the less busy of two random nodes. */
  readonly selector?: Selector | undefined;
  /** Default: `httpBroker` over the registry, on the server's host at a port of its own, once somebody subscribes. */
  readonly broker?: Broker | undefined;
  /** Besides the defaults; one with the same content type takes its place. */
  readonly codecs?: readonly Codec[] | undefined;
  /** Default `pinoLogger()`. */
  readonly logger?: Logger | undefined;
  /** Started before everything else and stopped after it. Default: none. */
  readonly profile?: Profile | undefined;
  /** Follows calls from service to service. Default: none, and calls are not followed. */
  readonly tracer?: Tracer | undefined;
  /** Not used by the service itself: held for its handlers, as `service.components.store`, and closed with it. */
  readonly store?: Store | undefined;
  /** Held for its handlers, like the store. */
  readonly cache?: Cache | undefined;
  /** Held for its handlers, like the store. */
  readonly config?: Config | undefined;
  /** Held for middleware that proves and asks who calls. */
  readonly auth?: Auth | undefined;
  /** Held for its handlers; what it runs is stopped with the service. */
  readonly runtime?: Runtime | undefined;
  readonly debug?: DebugSettings | undefined;
  readonly client?: ClientSettings | undefined;
  readonly server?: ServerSettings | undefined;
  readonly hooks?: Hooks | undefined;
  /** Ends `run()` when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Whether `run()` ends with SIGTERM, SIGINT and SIGQUIT. Default true. */
  readonly handleSignals?: boolean | undefined;
}
