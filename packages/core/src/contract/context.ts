import type { Account } from './auth.ts';
import type { CallOptions } from './client.ts';
import type { Metadata } from './metadata.ts';

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
