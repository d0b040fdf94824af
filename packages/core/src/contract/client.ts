import type { CallOptions, Context } from './context.ts';
import type { MessageType } from './definition.ts';
import type { MetadataInit } from './metadata.ts';
import type { ClientOf } from './typed.ts';

/** A call without a definition. */
export interface UntypedRequest {
  readonly service: string;
  /** `Handler.Method`, as the wire names it. */
  readonly endpoint: string;
  /** The message, for `call`; ignored by `stream`. */
  readonly body?: unknown;
}

/** A stream without a definition: both directions at once. */
export interface ClientStream<Out = unknown, In = unknown> extends AsyncIterable<In> {
  /** Sends a message; resolves when there is room for the next. */
  send(message: Out): Promise<void>;
  /** No more messages from this side. */
  end(): Promise<void>;
  /** Cancels the stream on both sides. */
  close(): void;
}

/** What a publisher may say about one message. */
export interface PublishOptions {
  readonly metadata?: MetadataInit | undefined;
  readonly contentType?: string | undefined;
  /** What the message is, where that is more than a plain value. `createEvent` fills it in. */
  readonly type?: MessageType | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Calls services. */
export interface Client {
  readonly name: string;
  /** Calls an endpoint by name and resolves with its answer. */
  call(request: UntypedRequest, options?: CallOptions | Context): Promise<unknown>;
  /** Opens a stream to an endpoint by name. */
  stream(request: UntypedRequest, options?: CallOptions | Context): ClientStream;
  /** A client of a described service, typed by its description: one function per method. */
  of<D extends object>(definition: D, service: string): ClientOf<D>;
  /** Hands an event to the broker; resolves when the broker has it. */
  publish(topic: string, message: unknown, options?: PublishOptions | Context): Promise<void>;
  /** Cancels what is in flight and gives back connections. */
  close(): Promise<void>;
}
