import type { Auth } from './auth.ts';
import type { Broker } from './broker.ts';
import type { Cache } from './cache.ts';
import type { Client } from './client.ts';
import type { Config } from './config.ts';
import type { Tracer } from './debug.ts';
import type { Logger } from './logger.ts';
import type { Profile } from './profile.ts';
import type { Registry } from './registry.ts';
import type { Runtime } from './runtime.ts';
import type { Selector } from './selector.ts';
import type { Server } from './server.ts';
import type { Store } from './store.ts';
import type { Transport } from './transport.ts';

/** Runs at one moment of a service's life. What it throws ends the start, or is reported after the stop. */
export type Hook = () => void | Promise<void>;

/** The components that a service runs on. Those that are `undefined` it was not given and does without. */
export interface ServiceComponents {
  readonly registry: Registry;
  readonly transport: Transport;
  readonly selector: Selector;
  readonly logger: Logger;
  readonly broker: Broker;
  readonly store: Store | undefined;
  readonly cache: Cache | undefined;
  readonly config: Config | undefined;
  readonly auth: Auth | undefined;
  readonly runtime: Runtime | undefined;
  readonly tracer: Tracer | undefined;
  readonly profile: Profile | undefined;
}

/** A service: a name, a client and a server, and their common life. */
export interface Service extends AsyncDisposable {
  readonly name: string;
  readonly version: string;
  /** What it runs on, whether it was given in code, chosen by a flag, or is a default. */
  readonly components: ServiceComponents;
  readonly client: Client;
  readonly server: Server;
  /** Hooks before, then the server, then hooks after. When any of it fails, what was started is stopped again. */
  start(): Promise<void>;
  /** Drains, deregisters and closes; always returns, and throws afterwards what a hook threw. */
  stop(): Promise<void>;
  /** Starts, waits for a signal (SIGTERM, SIGINT, SIGQUIT, or the `signal` option), and stops. */
  run(): Promise<void>;
}
