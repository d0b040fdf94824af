import type { Logger, TlsOptions } from '@micro/core';
import { limitOf, numberOf } from '@micro/core/plugin';

/** Which of its two wires a gRPC transport speaks where nothing says which: go-micro's transport, or gRPC itself. */
export type GrpcProtocol = 'mucp' | 'grpc';

/** What the gRPC transport may be told. Every number: `undefined` is the default, `0` is off. */
export interface GrpcTransportOptions {
  /** TLS for what listens and what dials. Default: none. */
  readonly tls?: TlsOptions | undefined;
  /**
   * What nodes that listen here say they speak, and what is spoken with an address of which nothing is known. `mucp`, the
   * default, is go-micro's gRPC transport; `grpc` is gRPC itself, as go-micro's gRPC server and client do it. A listener
   * answers both in either case.
   */
  readonly protocol?: GrpcProtocol | undefined;
  /** The body of one message, in bytes. Default 4 MiB, gRPC's own; past it 413. */
  readonly maxMessageBytes?: number | undefined;
  /** The fields of one message, names and values, in bytes. Default 64 KiB; past it 431. */
  readonly maxHeaderBytes?: number | undefined;
  /** The fields of one message, counted. Default 256; past it 431. */
  readonly maxHeaderFields?: number | undefined;
  /** Calls and streams that a peer may have open at once on one connection; more of them wait at the peer. Default 4,096. */
  readonly maxInFlight?: number | undefined;
  /** Connections that a listener holds at once. Default 10,000; past it a new one is closed. */
  readonly maxConnections?: number | undefined;
  /** How long a connection may stay with nothing open on it, in milliseconds. Default 5 min; the side that dialled: 60 s. */
  readonly idleTimeoutMs?: number | undefined;
  /**
   * How often a connection is asked whether it still stands, in milliseconds. Default 10,000 where our listeners are at
   * one end of it, and never towards other servers, since those of Go close connections that ask more often than every
   * five minutes.
   */
  readonly keepaliveMs?: number | undefined;
  /** How long the answer to that may take, in milliseconds. Default 5,000. */
  readonly keepaliveTimeoutMs?: number | undefined;
  /** Idle gRPC streams kept per address for the unary calls to come. Default 100; 0 keeps none. */
  readonly poolSize?: number | undefined;
  /** How long one is kept, in milliseconds. Default 1,000; 0 is as long as its connection. An idle one keeps the process alive. */
  readonly poolTtlMs?: number | undefined;
  /** Is told when an address cannot be reached, and when it can be again: one line each. Default: nobody is. */
  readonly logger?: Logger | undefined;
  /** Answers `grpc.health.v1.Health`. Default true. */
  readonly health?: boolean | undefined;
  /** Answers gRPC's server reflection, `v1` and `v1alpha`. Default true. */
  readonly reflection?: boolean | undefined;
}

/** The same with every number decided; what is off is `Infinity`. */
export interface GrpcLimits {
  readonly maxMessageBytes: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaderFields: number;
  readonly maxInFlight: number;
  readonly maxConnections: number;
  readonly listenerIdleMs: number;
  readonly dialledIdleMs: number;
  /** Of connections with one of our listeners. */
  readonly keepaliveMs: number;
  /** Of connections to servers that are not known to be ours. */
  readonly foreignKeepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly poolSize: number;
  readonly poolTtlMs: number;
}

/** Fills in the defaults. */
export function grpcLimits(options: GrpcTransportOptions): GrpcLimits {
  return {
    maxMessageBytes: limitOf('maxMessageBytes', options.maxMessageBytes, 4 * 1024 * 1024),
    maxHeaderBytes: limitOf('maxHeaderBytes', options.maxHeaderBytes, 64 * 1024),
    maxHeaderFields: limitOf('maxHeaderFields', options.maxHeaderFields, 256),
    maxInFlight: limitOf('maxInFlight', options.maxInFlight, 4_096),
    maxConnections: limitOf('maxConnections', options.maxConnections, 10_000),
    listenerIdleMs: limitOf('idleTimeoutMs', options.idleTimeoutMs, 300_000),
    dialledIdleMs: limitOf('idleTimeoutMs', options.idleTimeoutMs, 60_000),
    keepaliveMs: limitOf('keepaliveMs', options.keepaliveMs, 10_000),
    foreignKeepaliveMs: limitOf('keepaliveMs', options.keepaliveMs, 0),
    keepaliveTimeoutMs: limitOf('keepaliveTimeoutMs', options.keepaliveTimeoutMs, 5_000),
    poolSize: numberOf('poolSize', options.poolSize, 100),
    poolTtlMs: limitOf('poolTtlMs', options.poolTtlMs, 1_000),
  };
}

/** What a gRPC message may be in all: a body, and its fields beside it. `-1`, gRPC's word for it, is no limit. */
export function grpcMessageLimit({ maxMessageBytes, maxHeaderBytes }: GrpcLimits): number {
  const most = maxMessageBytes + maxHeaderBytes;
  return most > 0x7fff_ffff ? -1 : most;
}
