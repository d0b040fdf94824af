import type { EventBody } from './event.ts';
import type { Body } from './work.ts';

/** The server's half of a peer, running. */
export interface Served {
  /** Whatever the other half needs to find this one; the bench hands it on unread. */
  readonly address: string;
  close(): Promise<void>;
}

/** The client's half of a peer, connected. */
export interface Caller {
  /** One unary call. */
  call(body: Body): Promise<Body>;
  /** One server stream of `count` small messages; resolves when the peer has ended it. */
  stream(count: number, onMessage: (message: Body) => void): Promise<void>;
  close(): Promise<void>;
}

/**
 * One way to do the work. The server's half and the client's half run in different processes: an echo, and a stream of
 * `streamBody(0)` to `streamBody(count - 1)`.
 */
export interface Peer {
  /** Starts the server's half on a free port of 127.0.0.1. */
  serve(): Promise<Served>;
  /** Connects the client's half. */
  connect(address: string): Promise<Caller>;
}

/** The publisher's half of a peer, connected. */
export interface Publisher {
  /** Resolves when the peer has accepted the message; what that promises is the peer's own. */
  publish(body: EventBody): Promise<void>;
  /** Delivers what it has accepted, where the peer keeps any of it, and ends. */
  close(): Promise<void>;
}

/** One way to carry events from one publisher to one subscriber. */
export interface EventPeer {
  /** Starts the subscriber's half, on a free port of 127.0.0.1 where it needs one. */
  subscribe(onEvent: (body: EventBody) => void): Promise<Served>;
  /** Connects the publisher's half; resolves when what it publishes goes to the subscriber. */
  connect(address: string): Promise<Publisher>;
}
