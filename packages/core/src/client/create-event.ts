import type { Client } from '../contract/client.ts';
import type { Event, EventInput, EventType } from '../contract/event.ts';
import { eventType } from '../rpc/event-type.ts';
import { validate } from '../rpc/validate.ts';
import { publishOptions } from './publish.ts';

/** What an event may say about its messages. */
export interface EventOptions<T extends EventType = EventType> {
  /** A Standard Schema validator or a protobuf descriptor: what `subscribe` takes as `message`. */
  readonly message?: T | undefined;
  /** Default: the client's, `application/json`. */
  readonly contentType?: string | undefined;
}

/**
 * A topic to publish to, typed: `createEvent<User>(client, 'users.created')`, or with `message` a validator or a protobuf
 * descriptor that both ends share. A validator is asked before a message leaves, and what leaves is the message as it was
 * given: what the validator makes of it is made at the subscriber's door. (go-micro's `NewEvent`.)
 */
export function createEvent<T extends EventType>(
  client: Client,
  topic: string,
  options: EventOptions<T> & { readonly message: T },
): Event<EventInput<T>>;
export function createEvent<T = unknown>(
  client: Client,
  topic: string,
  options?: EventOptions & { readonly message?: undefined },
): Event<T>;
export function createEvent(client: Client, topic: string, options: EventOptions = {}): Event<unknown> {
  const type = eventType(topic, options.message);
  return {
    topic,
    async publish(message, given) {
      await validate(type, message);
      await client.publish(topic, message, { contentType: options.contentType, type, ...publishOptions(given) });
    },
  };
}
