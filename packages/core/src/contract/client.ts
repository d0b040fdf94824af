import type { Context } from './context.ts';
import type { MetadataInit } from './metadata.ts';
import type { Filter, Strategy } from './selector.ts';
import type { ClientOf } from './typed.ts';

/** Decides whether a failed attempt is followed by another one. `attempt` counts from 1. */
export type RetryPolicy = (error: Error, attempt: number, ctx: Context) => boolean;

/** How long to wait before attempt `attempt` (2, 3, …), in milliseconds. */
export type Backoff = (attempt: number) => number;

/** What a caller may say about one call. Every number: `undefined` is the default, `0` is off. */
export interface CallOptions {
  /** How long the whole call may take, all attempts included, in milliseconds. Default 5,000; streams: none. */
  readonly timeoutMs?: number | undefined;
  /** When the caller stops waiting, in milliseconds since the epoch. The earlier of this and `timeoutMs` counts. */
  readonly deadline?: number | undefined;
  /** Cancels the call, here and at the server. */
  readonly signal?: AbortSignal | undefined;
  readonly metadata?: MetadataInit | undefined;
  /** How often a failed attempt is repeated. Default 3. */
  readonly retries?: number | undefined;
  /** Which failures are repeated. Default: those that provably did not run the handler. */
  readonly retry?: RetryPolicy | undefined;
  /** Default: full jitter, doubling from 20 ms. */
  readonly backoff?: Backoff | undefined;
  /** Where to call, instead of asking the registry. Several: one of them. */
  readonly address?: string | readonly string[] | undefined;
  readonly filters?: readonly Filter[] | undefined;
  readonly strategy?: Strategy | undefined;
  /** Default: the client's, `application/json`. */
  readonly contentType?: string | undefined;
  /** How long connecting may take, in milliseconds. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined;
}

/** A call without a definition. */
export interface UntypedRequest {
  readonly service: string;
  /** `Handler.Method`, as the wire names it. */
  readonly endpoint: string;
  /** The message, for `call`; ignored by `stream`. */
  readonly body?: unknown;
}

/** A stream without a definition: both directions at once. */
export interface ClientStream<Out = unknown, In = unknown> extends AsyncIterable<In> {
  /** Sends a message; resolves when there is room for the next. */
  send(message: Out): Promise<void>;
  /** No more messages from this side. */
  end(): Promise<void>;
  /** Cancels the stream on both sides. */
  close(): void;
}

/** What a publisher may say about one message. */
export interface PublishOptions {
  readonly metadata?: MetadataInit | undefined;
  readonly contentType?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Calls services. */
export interface Client {
  readonly name: string;
  /** Calls an endpoint by name and resolves with its answer. */
  call(request: UntypedRequest, options?: CallOptions | Context): Promise<unknown>;
  /** Opens a stream to an endpoint by name. */
  stream(request: UntypedRequest, options?: CallOptions | Context): ClientStream;
  /** A client of a described service, typed by its description: one function per method. */
  of<D extends object>(definition: D, service: string): ClientOf<D>;
  /** Hands an event to the broker; resolves when the broker has it. */
  publish(topic: string, message: unknown, options?: PublishOptions | Context): Promise<void>;
  /** Cancels what is in flight and gives back connections. */
  close(): Promise<void>;
}
