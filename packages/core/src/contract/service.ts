import type { Client } from './client.ts';
import type { Server } from './server.ts';

/** Runs at one moment of a service's life. What it throws ends the start, or is reported after the stop. */
export type Hook = () => void | Promise<void>;

/** A service: a name, a client and a server, and their common life. */
export interface Service extends AsyncDisposable {
  readonly name: string;
  readonly version: string;
  readonly client: Client;
  readonly server: Server;
  /** Hooks before, then the server, then hooks after. When any of it fails, what was started is stopped again. */
  start(): Promise<void>;
  /** Drains, deregisters and closes; always returns, and throws afterwards what a hook threw. */
  stop(): Promise<void>;
  /** Starts, waits for a signal (SIGTERM, SIGINT, SIGQUIT, or the `signal` option), and stops. */
  run(): Promise<void>;
}
