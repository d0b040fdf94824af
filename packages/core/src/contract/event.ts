import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { PublishOptions } from './client.ts';
import type { Context } from './context.ts';

/** What describes the messages of a topic: any Standard Schema validator, or a protobuf-es message descriptor. */
export type EventType = StandardSchemaV1 | DescMessage;

/** What a publisher may pass for a type of event. */
export type EventInput<T extends EventType> = T extends DescMessage
  ? MessageInitShape<T>
  : T extends StandardSchemaV1
    ? StandardSchemaV1.InferInput<T>
    : never;

/** What a subscriber receives of a type of event. */
export type EventOutput<T extends EventType> = T extends DescMessage
  ? MessageShape<T>
  : T extends StandardSchemaV1
    ? StandardSchemaV1.InferOutput<T>
    : never;

/** What is known about one event where it is handled. `endpoint` is its topic; it has no deadline. */
export interface EventContext extends Context {
  /** Says that the event was handled. Needed only with `autoAck: false`. */
  ack(): Promise<void>;
  /** Says that the event was not handled and should come again, where the broker can do that. */
  nack(error?: Error): Promise<void>;
}

/** A topic that messages of one type are published to. */
export interface Event<T> {
  readonly topic: string;
  /**
   * Publishes a message; resolves when the broker has it. Throws a 400 that names the fields at fault for one that the
   * validator of the topic refuses.
   */
  publish(message: T, options?: PublishOptions | Context): Promise<void>;
}
