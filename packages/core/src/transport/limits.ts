import { limitOf } from '../util/limit.ts';

/** What a transport takes from a peer. Every number: `undefined` is the default, `0` is off. */
export interface TransportLimits {
  /** The fields of one message, names and values, in bytes. Default 64 KiB; past it 431. */
  readonly maxHeaderBytes?: number | undefined;
  /** The fields of one message, counted. Default 256; past it 431. */
  readonly maxHeaderFields?: number | undefined;
  /** The body of one message, in bytes. Default 16 MiB; past it 413. */
  readonly maxMessageBytes?: number | undefined;
  /** Exchanges that are open at once on one connection. Default 4,096; past it 429. */
  readonly maxInFlight?: number | undefined;
  /** Bodies of requests that are open at once on one connection, in bytes. Default 64 MiB; past it 429. */
  readonly maxInFlightBytes?: number | undefined;
  /** Connections that a listener holds at once. Default 10,000; past it a new one is closed. */
  readonly maxConnections?: number | undefined;
  /** How long a message that has begun may stand still before its connection is closed, in milliseconds. Default 10 s. */
  readonly stallTimeoutMs?: number | undefined;
  /** How long a connection may stay with nothing open on it, in milliseconds. Default 5 min; the side that dialled: 60 s. */
  readonly idleTimeoutMs?: number | undefined;
}

/** The same with every number decided; what is off is `Infinity`. */
export type Limits = { readonly [K in keyof TransportLimits]-?: number };

const DEFAULTS: Limits = {
  maxHeaderBytes: 64 * 1024,
  maxHeaderFields: 256,
  maxMessageBytes: 16 * 1024 * 1024,
  maxInFlight: 4_096,
  maxInFlightBytes: 64 * 1024 * 1024,
  maxConnections: 10_000,
  stallTimeoutMs: 10_000,
  idleTimeoutMs: 300_000,
};

/** Fills in the defaults. */
export function limitsFrom(given: TransportLimits = {}): Limits {
  const decide = (name: keyof TransportLimits): number => limitOf(name, given[name], DEFAULTS[name]);
  return {
    maxHeaderBytes: decide('maxHeaderBytes'),
    maxHeaderFields: decide('maxHeaderFields'),
    maxMessageBytes: decide('maxMessageBytes'),
    maxInFlight: decide('maxInFlight'),
    maxInFlightBytes: decide('maxInFlightBytes'),
    maxConnections: decide('maxConnections'),
    stallTimeoutMs: decide('stallTimeoutMs'),
    idleTimeoutMs: decide('idleTimeoutMs'),
  };
}
