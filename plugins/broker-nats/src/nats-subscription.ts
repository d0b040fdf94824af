import type { Delivery } from '@micro/core';
import type { NatsConnection } from 'nats';

/** What was asked for: it stays the same through every connection. */
export interface Wanted {
  readonly topic: string;
  readonly queue: string | undefined;
  readonly handler: (delivery: Delivery) => unknown;
  readonly autoAck: boolean;
  readonly concurrency: number;
}

/** A subscription that is made anew on each connection. */
export interface NatsSubscription {
  readonly topic: string;
  /** Subscribes; resolves when the server knows, throws when it refuses. */
  up(connection: NatsConnection): Promise<void>;
  /** The connection is lost. */
  down(): void;
  /** The server does not let us subscribe there. */
  refused(): void;
  /**
   * Takes nothing more and waits for the handlers that run, up to so long; resolves with how many still do. `leaves` for one
   * that does not come back.
   */
  rest(budgetMs: number, leaves: boolean): Promise<number>;
}
