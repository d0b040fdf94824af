import type { EventContext, EventOutput, EventType } from './event.ts';
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
export interface SubscribeOptions<T extends EventType = EventType> {
  /** Subscribers that name one queue share its messages; without one everybody gets each message. */
  readonly queue?: string | undefined;
  /** Acknowledge when the handler has returned. Default true. */
  readonly autoAck?: boolean | undefined;
  /** How many events may be handled at once. Default 1: one after the other, in their order. */
  readonly concurrency?: number | undefined;
  /** What the messages are: a validator, applied to each before the handler sees it, or a protobuf descriptor. */
  readonly message?: T | undefined;
  /** Subscribed, but not listed in the registry. Default false. */
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
  /** Calls the handler with each event of a topic that is what `message` describes. */
  subscribe<T extends EventType>(
    topic: string,
    handler: (message: EventOutput<T>, ctx: EventContext) => unknown,
    options: SubscribeOptions<T> & { readonly message: T },
  ): void;
  /**
   * Calls the handler with each event of a topic, as its content type decodes it. What the handler throws makes the broker
   * bring the event again, as often as it is told to.
   */
  subscribe<T = unknown>(
    topic: string,
    handler: (message: T, ctx: EventContext) => unknown,
    options?: SubscribeOptions & { readonly message?: undefined },
  ): void;
  /** Listens and registers. Does nothing when it is already running. */
  start(): Promise<void>;
  /** Drains and stops; always returns. Does nothing when it is not running. */
  stop(): Promise<void>;
}
