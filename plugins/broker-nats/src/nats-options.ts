import type { FailureOptions, TlsOptions } from '@micro/core';
import { fullJitterMs } from '@micro/core/plugin';
import type { NatsConnection } from 'nats';
import type { JetStreamOptions } from './jetstream-options.ts';
import { limitOf, timeLimitOf } from './numbers.ts';

/** How much a publisher keeps that the server has not confirmed. */
export interface OutboxOptions {
  /** How many messages. Default 100,000; past it `publish` throws 429, and 503 while no server is there. 0 is no limit. */
  readonly maxMessages?: number | undefined;
  /** How many bytes, as they go to the server. Default 64 MiB; past it the same. 0 is no limit. */
  readonly maxBytes?: number | undefined;
}

/** Who we are to the server: one of these, or what a URL says. */
export interface NatsCredentials {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** The seed of an nkey: `SU…`. */
  readonly nkey?: string | undefined;
  /** The path of a `.creds` file (JWT and seed). Read again at each connection. */
  readonly credentialsFile?: string | undefined;
}

/** What a NATS broker may take. Every number: `undefined` is the default, `0` is off where it says so. */
export interface NatsBrokerOptions extends NatsCredentials, FailureOptions {
  /**
   * A connection of the `nats` library, instead of `servers` and what belongs to them. It is not closed here, and when and how
   * it comes back after a loss is up to it: give it `maxReconnectAttempts: -1`.
   */
  readonly connection?: NatsConnection | undefined;
  /**
   * Where the servers are: `host:port`, `nats://user:password@host:port`, `nats://token@host`, `tls://host`; several as a list,
   * or separated by commas. Default `127.0.0.1:4222`, as in go-micro.
   */
  readonly servers?: string | readonly string[] | undefined;
  /** TLS towards every server. Default: none, and `{}` for a `tls://` URL. */
  readonly tls?: TlsOptions | undefined;
  /** Servers that a server tells of are used too. Default true. */
  readonly discover?: boolean | undefined;
  /** What the server's monitoring calls the connection. Default `micro`. */
  readonly connectionName?: string | undefined;
  /** How long `connect` tries, in milliseconds. Default 5,000; 0 is for ever. */
  readonly connectTimeoutMs?: number | undefined;
  /** How long connecting to one server may take, in milliseconds. Default 2,000. */
  readonly dialTimeoutMs?: number | undefined;
  /**
   * How often the server is asked whether it is there, in milliseconds. One that leaves two questions unanswered, and sends
   * nothing else, is given up for another one. Default 1,500; 0 never asks.
   */
  readonly pingIntervalMs?: number | undefined;
  /** The pause before round number `failures` of looking for a server. Default: full jitter, 50 ms doubling to 2 s. */
  readonly reconnectBackoff?: ((failures: number) => number) | undefined;
  /** How long `publish` tries, in milliseconds, before it throws 408, or 503 without a server. Default 5,000; 0 is for ever. */
  readonly publishTimeoutMs?: number | undefined;
  /**
   * Whether `publish` waits until the server has the message. Default true. Off, it resolves when the message is in the outbox,
   * and what is lost later is told to `onError`.
   */
  readonly confirm?: boolean | undefined;
  readonly outbox?: OutboxOptions | undefined;
  /** The body of one message, in bytes. Default 16 MiB; past it 413. The server has a limit of its own: 1 MiB in all. 0 is no limit. */
  readonly maxMessageBytes?: number | undefined;
  /** How often a message is handed to a handler that fails before it is given up. Default 5; 0 is no limit. */
  readonly maxDeliveries?: number | undefined;
  /** The pause after failure number `failures` (1, 2, …), in milliseconds. Default: full jitter, 100 ms doubling to 5 s. */
  readonly backoff?: ((failures: number) => number) | undefined;
  /** How long a handler may take until its event counts as failed, in milliseconds. Default 30,000; 0 is for ever. */
  readonly ackTimeoutMs?: number | undefined;
  /** How many events may wait for one subscription's handler without JetStream. Default 10,000; past it they are lost. 0 is no limit. */
  readonly maxWaiting?: number | undefined;
  /** And how many bytes. Default 64 MiB; 0 is no limit. */
  readonly maxWaitingBytes?: number | undefined;
  /** How long `disconnect`, and closing a subscription, wait for handlers, in milliseconds. Default 10,000; 0 is for ever. */
  readonly drainMs?: number | undefined;
  /** How long `disconnect` waits for the server to confirm what was published, in milliseconds. Default 5,000; 0 does not. */
  readonly flushMs?: number | undefined;
  /** At least once: messages are kept by JetStream until they are handled. Default: plain NATS. */
  readonly jetStream?: boolean | JetStreamOptions | undefined;
}

/** The same with every number decided; what is off is `Infinity`. */
export interface NatsSettings {
  readonly connectTimeoutMs: number;
  readonly dialTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly reconnectBackoff: (failures: number) => number;
  readonly publishTimeoutMs: number;
  readonly confirm: boolean;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly maxMessageBytes: number;
  readonly maxDeliveries: number;
  readonly backoff: (failures: number) => number;
  readonly ackTimeoutMs: number;
  readonly maxWaiting: number;
  readonly maxWaitingBytes: number;
  readonly drainMs: number;
  readonly flushMs: number;
}

const MIB = 1024 * 1024;

/** Fills in the defaults. Throws 400 for a number that is none. */
export function natsSettings(options: NatsBrokerOptions): NatsSettings {
  return {
    connectTimeoutMs: timeLimitOf('connectTimeoutMs', options.connectTimeoutMs, 5_000),
    dialTimeoutMs: timeLimitOf('dialTimeoutMs', options.dialTimeoutMs, 2_000),
    pingIntervalMs: timeLimitOf('pingIntervalMs', options.pingIntervalMs, 1_500),
    reconnectBackoff: options.reconnectBackoff ?? ((failures) => fullJitterMs(50, 2_000, failures - 1)),
    publishTimeoutMs: timeLimitOf('publishTimeoutMs', options.publishTimeoutMs, 5_000),
    confirm: options.confirm ?? true,
    maxMessages: limitOf('outbox.maxMessages', options.outbox?.maxMessages, 100_000),
    maxBytes: limitOf('outbox.maxBytes', options.outbox?.maxBytes, 64 * MIB),
    maxMessageBytes: limitOf('maxMessageBytes', options.maxMessageBytes, 16 * MIB),
    maxDeliveries: limitOf('maxDeliveries', options.maxDeliveries, 5),
    backoff: options.backoff ?? ((failures) => fullJitterMs(100, 5_000, failures - 1)),
    ackTimeoutMs: timeLimitOf('ackTimeoutMs', options.ackTimeoutMs, 30_000),
    maxWaiting: limitOf('maxWaiting', options.maxWaiting, 10_000),
    maxWaitingBytes: limitOf('maxWaitingBytes', options.maxWaitingBytes, 64 * MIB),
    drainMs: timeLimitOf('drainMs', options.drainMs, 10_000),
    // Off is not to wait here, and not to wait for ever.
    flushMs: options.flushMs === 0 ? 0 : timeLimitOf('flushMs', options.flushMs, 5_000),
  };
}
