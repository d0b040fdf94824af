import { CODE, type MicroError } from '@micro/core';
import { brokerError } from '@micro/core/plugin';
import type { NatsConnection } from 'nats';

/** What becomes of a connection. None of these throws. */
export interface LinkEvents {
  /** There is a connection: subscriptions are made and what waits is sent. */
  up(connection: NatsConnection): void;
  /** It is lost. What was sent and not confirmed may have arrived or not. */
  down(): void;
  /** The server does not let us do that. */
  refused(what: 'publish' | 'subscribe', subject: string): void;
}

/** A connection that comes back. */
export interface Link {
  /** `undefined` while there is none. */
  readonly connection: NatsConnection | undefined;
  /** The server it is connected to, `undefined` before. */
  readonly address: string | undefined;
  /** Which server, and what is wrong with it, for errors: `127.0.0.1:4222 (connect ECONNREFUSED …)`. */
  readonly trouble: string;
  /** Connects; throws when that does not work in time or the signal aborts, and then tries no more. */
  open(unwanted: AbortSignal): Promise<void>;
  /** Ends it for good. */
  close(): Promise<void>;
}

/** It was disconnected before `open` had done its work. */
export function notWanted(): MicroError {
  return brokerError(CODE.cancelled, 'the broker was disconnected before it was connected');
}
