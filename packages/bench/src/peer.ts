import type { ServiceRecord } from '@micro/core';
import type { EventBody } from './event.ts';
import type { Body } from './work.ts';

/** The server's half of a peer, running. */
export interface Served {
  /** Whatever the other half needs to find this one; the bench hands it on unread. */
  readonly address: string;
  /** Other processes that take part, such as a server that this one has started. What they use counts too. */
  readonly pids?: readonly number[];
  close(): Promise<void>;
}

/** The client's half of a peer, connected. */
export interface Caller {
  /** One unary call. */
  call(body: Body): Promise<Body>;
  /** One server stream of `count` small messages; resolves when the peer has ended it. */
  stream(count: number, onMessage: (message: Body) => void): Promise<void>;
  /** How many bytes have gone to a server and come from it so far, where somebody counts them. */
  wireBytes?(): Promise<number>;
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

/** One way to keep records in a store. */
export interface StorePeer {
  /** Starts the store's server. */
  serve(): Promise<Served>;
  /** Connects one who uses it. */
  open(address: string): Promise<StoreUser>;
}

/** One who uses a store. */
export interface StoreUser {
  write(key: string, value: Buffer): Promise<void>;
  /** The value and nothing else of what is known; `undefined` when there is none. */
  read(key: string): Promise<Uint8Array | undefined>;
  /** All keys, sorted. */
  list(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** One way to tell others where services run. */
export interface RegistryPeer {
  /** Starts the registry's server. */
  serve(): Promise<Served>;
  /** Connects one party, which shares no connection with the others. */
  join(address: string): Promise<RegistryParty>;
  /** How many bytes the server has sent and received, where it counts them. */
  readonly wireBytes?: (address: string) => Promise<number>;
}

/** One who registers nodes or watches them. */
export interface RegistryParty {
  /** Registers the one node of a record, or what has changed about it. */
  register(record: ServiceRecord): Promise<void>;
  /** Calls back with each record that is registered from now on. */
  watch(onRecord: (record: ServiceRecord) => void): void;
  close(): Promise<void>;
}
