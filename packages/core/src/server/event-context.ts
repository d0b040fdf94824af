import type { Account } from '../contract/auth.ts';
import type { Delivery } from '../contract/broker.ts';
import type { CallOptions, Peer } from '../contract/context.ts';
import type { EventContext } from '../contract/event.ts';
import { HEADER } from '../contract/header.ts';
import type { Metadata } from '../contract/metadata.ts';
import { createMetadata, metadataFrom } from '../util/metadata.ts';

/** The context of an event: what its publisher said, no deadline, and a signal that aborts with the server. */
export function eventContext(service: string, delivery: Delivery, signal: AbortSignal, peer?: Peer): EventContext {
  let metadata: Metadata | undefined;
  const ctx: EventContext & { account: Account | undefined } = {
    service,
    endpoint: delivery.topic,
    signal,
    deadline: undefined,
    timeLeft: () => Number.POSITIVE_INFINITY,
    get metadata() {
      metadata ??= metadataFrom(delivery.message.header);
      return metadata;
    },
    peer,
    account: undefined,
    ack: () => delivery.ack(),
    nack: (error) => delivery.nack(error),
    forward(): CallOptions {
      const forwarded = createMetadata(ctx.metadata);
      // What proves who published is not ours to show to others.
      forwarded.delete(HEADER.AUTHORIZATION);
      forwarded.delete('Cookie');
      return { signal, metadata: forwarded };
    },
  };
  return ctx;
}
