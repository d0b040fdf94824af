import type { DescMessage, DescMethod, DescService } from '@bufbuild/protobuf';
import type { StandardSchemaV1 } from '@standard-schema/spec';

/** Which side sends one message and which side sends many. */
export type Kind = 'unary' | 'clientStream' | 'serverStream' | 'bidiStream';

/**
 * What a message is: what a codec needs to encode and decode it and what a server needs to check it. All fields absent:
 * any JSON value.
 */
export interface MessageType {
  /** What the registry calls it, such as `CallRequest`. */
  readonly name: string;
  /** The protobuf-es descriptor, when there is one. */
  readonly proto?: DescMessage;
  /** The validator, when there is one. The server applies it to what it receives. */
  readonly schema?: StandardSchemaV1;
}

/** One method of a service. */
export interface Endpoint {
  /** The name on the wire, `Handler.Method`, both in PascalCase as Go writes them. */
  readonly name: string;
  /** The name in code, in camelCase. */
  readonly method: string;
  readonly kind: Kind;
  readonly input: MessageType;
  readonly output: MessageType;
  /** Running it twice does no harm, so a call may be repeated even where it may have been executed. */
  readonly idempotent: boolean;
  /** What the registry says about it. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The protobuf-es descriptor, when there is one: it knows the package of its service, which `name` leaves out. */
  readonly proto?: DescMethod;
}

/** The types of one method, for the compiler alone: what goes in and what comes out, as written and as read. */
export interface MethodTypes {
  readonly kind: Kind;
  /** What a caller may pass. */
  readonly callInput: unknown;
  /** What a handler receives. */
  readonly handlerInput: unknown;
  /** What a handler may return. */
  readonly handlerOutput: unknown;
  /** What a caller receives. */
  readonly callOutput: unknown;
}

/** A described service: its name on the wire and its endpoints. The type parameter holds the types of its methods. */
export interface Definition<Methods = unknown> {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  /** Never present: it carries the types of the methods for the compiler. */
  readonly '~methods'?: Methods;
}

/** Anything a service can be described by: a protobuf-es service descriptor or a definition. */
export type Describes = DescService | Definition;
