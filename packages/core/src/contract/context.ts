import type { Account } from './auth.ts';
import type { Header } from './message.ts';
import type { Metadata, MetadataInit } from './metadata.ts';
import type { Filter, Strategy } from './selector.ts';

/** The other side of an exchange. */
export interface Peer {
  /** `host:port`, or whatever the transport calls an address. */
  readonly address: string;
  /** The id of the node, where the registry named it. */
  readonly node?: string | undefined;
}

/**
 * What is known about one call, on the side that makes it (in client middleware) and on the side that serves it (in
 * handlers and handler middleware). It is passed on explicitly: `other.call(request, ctx)`.
 */
export interface Context {
  /** The name of the service that is called. */
  readonly service: string;
  /** The endpoint on the wire, `Handler.Method`. */
  readonly endpoint: string;
  /** Aborts when the caller cancels, its connection is lost, or the deadline passes. Made when it is first read. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting, in milliseconds since the epoch; `undefined` when it never does. */
  readonly deadline: number | undefined;
  /** Milliseconds until the deadline, never below 0; `Infinity` without one. */
  timeLeft(): number;
  /** What the caller said beside the request. Client middleware adds to it; handlers read it. */
  readonly metadata: Metadata;
  /** The other side; on the client `undefined` until a node was chosen. */
  readonly peer: Peer | undefined;
  /** Who calls, when auth middleware found out. */
  account: Account | undefined;
  /**
   * Call options for an onward call: this signal, the time that is left, and the metadata without what belongs to the
   * incoming message alone (credentials among it). Passing the context itself as call options means the same.
   */
  forward(): CallOptions;
}

/** Decides whether a failed attempt is followed by another one. `attempt` counts from 1. */
export type RetryPolicy = (error: Error, attempt: number, ctx: Context) => boolean;

/** How long to wait before attempt `attempt` (2, 3, …), in milliseconds. */
export type Backoff = (attempt: number) => number;

/** What a caller may say about one call. Every number: `undefined` is the default, `0` is off. */
export interface CallOptions {
  /**
   * How long the whole call may take, all attempts included, in milliseconds. Default 5,000, and none for streams and
   * where a deadline is given.
   */
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
  /**
   * Is told the fields of each message that answers a call with one answer, also of one that holds an error, before it is
   * decoded: for tools that show the wire. What it throws fails the attempt. Default: nobody.
   */
  readonly onHeader?: ((header: Header) => void) | undefined;
}
