import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Definition, Endpoint, Kind, MessageType, MethodTypes } from '../contract/definition.ts';
import { pascalCase } from '../util/go-name.ts';
import { endpointNames, serviceWireName } from './endpoint-name.ts';

/** What a method may say about itself beside its types. */
export interface MethodOptions {
  /** Running it twice does no harm, so a call may be repeated even where it may have been executed. Default false. */
  readonly idempotent?: boolean | undefined;
  /** What the registry says about it. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** A method whose messages have validators. One that is left out takes any JSON value. */
export interface SchemaOptions<In extends StandardSchemaV1, Out extends StandardSchemaV1> extends MethodOptions {
  /** What the server checks before the handler runs. */
  readonly input?: In | undefined;
  /** What the method answers with. */
  readonly output?: Out | undefined;
}

/** A described method, as `unary`, `clientStream`, `serverStream` and `bidiStream` make it for `defineService`. */
export interface MethodSpec<Types extends MethodTypes = MethodTypes> extends MethodOptions {
  readonly kind: Types['kind'];
  readonly input?: StandardSchemaV1 | undefined;
  readonly output?: StandardSchemaV1 | undefined;
  /** Never present: it carries the types of the method for the compiler. */
  readonly '~types'?: Types;
}

/** The types of a method where both ends see the same, since no validator changes a value on its way. */
export interface BareTypes<K extends Kind, In, Out> extends MethodTypes {
  readonly kind: K;
  readonly callInput: In;
  readonly handlerInput: In;
  readonly handlerOutput: Out;
  readonly callOutput: Out;
}

/** The types of a method whose validators may take one type and give another. */
export interface SchemaTypes<K extends Kind, In extends StandardSchemaV1, Out extends StandardSchemaV1>
  extends MethodTypes {
  readonly kind: K;
  readonly callInput: StandardSchemaV1.InferInput<In>;
  readonly handlerInput: StandardSchemaV1.InferOutput<In>;
  readonly handlerOutput: StandardSchemaV1.InferInput<Out>;
  readonly callOutput: StandardSchemaV1.InferOutput<Out>;
}

/** The types of a service's methods, as `Definition` carries them. */
export type TypesOf<Methods extends Readonly<Record<string, MethodSpec>>> = {
  readonly [K in keyof Methods]: Methods[K] extends MethodSpec<infer Types> ? Types : never;
};

type Schema = StandardSchemaV1;
type Anything = StandardSchemaV1<unknown>;

/** One message, one answer: `unary<In, Out>()`, or `unary({ input, output })` with Standard Schema validators. */
export function unary<In = unknown, Out = unknown>(options?: MethodOptions): MethodSpec<BareTypes<'unary', In, Out>>;
export function unary<In extends Schema = Anything, Out extends Schema = Anything>(
  options: SchemaOptions<In, Out>,
): MethodSpec<SchemaTypes<'unary', In, Out>>;
export function unary(options: SchemaOptions<Schema, Schema> = {}): MethodSpec {
  return { ...options, kind: 'unary' };
}

/** A stream of messages, one answer. */
export function clientStream<In = unknown, Out = unknown>(
  options?: MethodOptions,
): MethodSpec<BareTypes<'clientStream', In, Out>>;
export function clientStream<In extends Schema = Anything, Out extends Schema = Anything>(
  options: SchemaOptions<In, Out>,
): MethodSpec<SchemaTypes<'clientStream', In, Out>>;
export function clientStream(options: SchemaOptions<Schema, Schema> = {}): MethodSpec {
  return { ...options, kind: 'clientStream' };
}

/** One message, a stream of answers. */
export function serverStream<In = unknown, Out = unknown>(
  options?: MethodOptions,
): MethodSpec<BareTypes<'serverStream', In, Out>>;
export function serverStream<In extends Schema = Anything, Out extends Schema = Anything>(
  options: SchemaOptions<In, Out>,
): MethodSpec<SchemaTypes<'serverStream', In, Out>>;
export function serverStream(options: SchemaOptions<Schema, Schema> = {}): MethodSpec {
  return { ...options, kind: 'serverStream' };
}

/** A stream of messages and a stream of answers, at the same time. */
export function bidiStream<In = unknown, Out = unknown>(
  options?: MethodOptions,
): MethodSpec<BareTypes<'bidiStream', In, Out>>;
export function bidiStream<In extends Schema = Anything, Out extends Schema = Anything>(
  options: SchemaOptions<In, Out>,
): MethodSpec<SchemaTypes<'bidiStream', In, Out>>;
export function bidiStream(options: SchemaOptions<Schema, Schema> = {}): MethodSpec {
  return { ...options, kind: 'bidiStream' };
}

/**
 * Describes a service in TypeScript. Its name and its methods go on the wire in PascalCase (`Greeter.Hello`), its messages
 * as JSON. Throws a 400 for a name that cannot stand there, and for two methods that have one name there.
 */
export function defineService<const Methods extends Readonly<Record<string, MethodSpec>>>(
  name: string,
  methods: Methods,
): Definition<TypesOf<Methods>> {
  const service = serviceWireName(name);
  const names = endpointNames(service, Object.keys(methods));
  const endpoints = Object.entries(methods).map(([method, spec]): Endpoint => {
    return {
      name: names.get(method) ?? method,
      method,
      kind: spec.kind,
      input: messageType(`${pascalCase(method)}Request`, spec.input),
      output: messageType(`${pascalCase(method)}Response`, spec.output),
      idempotent: spec.idempotent ?? false,
      metadata: spec.metadata ?? {},
    };
  });
  return { name: service, endpoints };
}

function messageType(name: string, schema: StandardSchemaV1 | undefined): MessageType {
  return schema === undefined ? { name } : { name, schema };
}
