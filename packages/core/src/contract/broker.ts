/** An event on its way: fields and bytes. */
export interface BrokerMessage {
  readonly header: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** A received event. */
export interface Delivery {
  readonly topic: string;
  readonly message: BrokerMessage;
  /** Says that it was handled. Needed only with `autoAck: false`. */
  ack(): Promise<void>;
  /** Says that it was not handled and should come again, where the broker can do that. */
  nack(error?: Error): Promise<void>;
}

/** What one subscription may take. */
export interface BrokerSubscribeOptions {
  /** Subscribers that name one queue share its messages; without one everybody gets each message. */
  readonly queue?: string | undefined;
  /** Acknowledge when the handler has returned. Default true. */
  readonly autoAck?: boolean | undefined;
  /** How many events may be handled at once. Default 1: one after the other, in their order. */
  readonly concurrency?: number | undefined;
}

/** A running subscription, as `subscribe` returns it. */
export interface Subscription {
  readonly topic: string;
  /** Takes no more events; resolves when the running handlers have returned. */
  close(): Promise<void>;
}

/** What one publication may take. */
export interface BrokerCallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Carries events from publishers to subscribers. */
export interface Broker {
  readonly name: string;
  /** The address subscribers are reached at, where there is one; `undefined` before `connect`. */
  readonly address: string | undefined;
  /** Does nothing when it is connected. */
  connect(): Promise<void>;
  /**
   * Waits for the handlers that run and ends every connection; returns within a deadline. Subscriptions that were not
   * closed rest, and go on with the next `connect`.
   */
  disconnect(): Promise<void>;
  /** Resolves when the broker has accepted the message; what that promises is the broker's to document. */
  publish(topic: string, message: BrokerMessage, options?: BrokerCallOptions): Promise<void>;
  /** Calls the handler with each event. What the handler throws is as good as a `nack`. */
  subscribe(
    topic: string,
    handler: (delivery: Delivery) => unknown,
    options?: BrokerSubscribeOptions,
  ): Promise<Subscription>;
}
