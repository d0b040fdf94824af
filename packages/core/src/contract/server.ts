import type { Context } from './context.ts';
import type { HandlersOf, PlainHandlers } from './typed.ts';

/** Where a server is in its life. */
export type ServerStatus = 'stopped' | 'starting' | 'running' | 'draining' | 'stopping';

/** What an endpoint handler may say about itself. */
export interface HandleOptions {
  /** What the registry says about an endpoint, by the endpoint's wire name or its method name. */
  readonly endpointMetadata?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined;
  /** Served, but not listed in the registry. Default false. */
  readonly internal?: boolean | undefined;
}

/** What a subscriber may say about itself. */
export interface SubscribeOptions {
  /** Subscribers that name one queue share its messages; without one everybody gets each message. */
  readonly queue?: string | undefined;
  /** Acknowledge when the handler has returned. Default true. */
  readonly autoAck?: boolean | undefined;
  readonly internal?: boolean | undefined;
}

/** Serves endpoints and subscribers. */
export interface Server {
  readonly name: string;
  readonly status: ServerStatus;
  /** The address that was bound; `undefined` while stopped. */
  readonly address: string | undefined;
  /** Serves a described service: one function per method. A name that is served already is refused. */
  handle<D extends object>(definition: D, handlers: HandlersOf<D>, options?: HandleOptions): void;
  /** Serves a plain object of functions under a name: each a unary endpoint that takes and returns JSON values. */
  handle(name: string, handlers: PlainHandlers, options?: HandleOptions): void;
  /** Calls the handler with each event of a topic. */
  subscribe(topic: string, handler: (message: unknown, ctx: Context) => unknown, options?: SubscribeOptions): void;
  /** Listens and registers. Does nothing when it is already running. */
  start(): Promise<void>;
  /** Drains and stops; always returns. Does nothing when it is not running. */
  stop(): Promise<void>;
}
