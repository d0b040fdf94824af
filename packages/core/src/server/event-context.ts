import type { Account } from '../contract/auth.ts';
import type { Delivery } from '../contract/broker.ts';
import type { CallOptions, Peer } from '../contract/context.ts';
import type { EventContext } from '../contract/event.ts';
import type { Metadata } from '../contract/metadata.ts';
import { forwardedMetadata, metadataFrom } from '../util/metadata.ts';

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
    forward: (): CallOptions => ({ signal, metadata: forwardedMetadata(ctx.metadata) }),
  };
  return ctx;
}
