import type { DescMethod, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { GenService, GenServiceMethods } from '@bufbuild/protobuf/codegenv2';
import type { CallOptions, Context } from './context.ts';
import type { Definition, Kind, MethodTypes } from './definition.ts';

/** What a side may send a stream of. */
export type Messages<T> = AsyncIterable<T> | Iterable<T>;

/** The types of a method of a generated protobuf-es service. */
interface ProtoMethod<M extends Pick<DescMethod, 'input' | 'output' | 'methodKind'>> {
  readonly kind: KindOf<M['methodKind']>;
  readonly callInput: MessageInitShape<M['input']>;
  readonly handlerInput: MessageShape<M['input']>;
  readonly handlerOutput: MessageInitShape<M['output']>;
  readonly callOutput: MessageShape<M['output']>;
}

type KindOf<K extends DescMethod['methodKind']> = K extends 'unary'
  ? 'unary'
  : K extends 'client_streaming'
    ? 'clientStream'
    : K extends 'server_streaming'
      ? 'serverStream'
      : 'bidiStream';

/** The methods of anything that describes a service. */
export type MethodsOf<D> =
  D extends GenService<infer G extends GenServiceMethods>
    ? { [K in keyof G]: ProtoMethod<G[K]> }
    : D extends Definition<infer M>
      ? M
      : never;

type CallFunction<M extends MethodTypes> = {
  unary: (request: M['callInput'], options?: CallOptions | Context) => Promise<M['callOutput']>;
  clientStream: (requests: Messages<M['callInput']>, options?: CallOptions | Context) => Promise<M['callOutput']>;
  serverStream: (request: M['callInput'], options?: CallOptions | Context) => AsyncIterable<M['callOutput']>;
  bidiStream: (requests: Messages<M['callInput']>, options?: CallOptions | Context) => AsyncIterable<M['callOutput']>;
}[M['kind'] & Kind];

type HandlerFunction<M extends MethodTypes> = {
  unary: (request: M['handlerInput'], ctx: Context) => M['handlerOutput'] | Promise<M['handlerOutput']>;
  clientStream: (
    requests: AsyncIterable<M['handlerInput']>,
    ctx: Context,
  ) => M['handlerOutput'] | Promise<M['handlerOutput']>;
  serverStream: (request: M['handlerInput'], ctx: Context) => Messages<M['handlerOutput']>;
  bidiStream: (requests: AsyncIterable<M['handlerInput']>, ctx: Context) => Messages<M['handlerOutput']>;
}[M['kind'] & Kind];

/** The client of a described service: one function per method. */
export type ClientOf<D> = {
  readonly [K in keyof MethodsOf<D>]: MethodsOf<D>[K] extends MethodTypes ? CallFunction<MethodsOf<D>[K]> : never;
};

/** What a described service needs: one function per method. */
export type HandlersOf<D> = {
  readonly [K in keyof MethodsOf<D>]: MethodsOf<D>[K] extends MethodTypes ? HandlerFunction<MethodsOf<D>[K]> : never;
};

/** A service without a definition: an object of functions, each a unary method that takes and returns JSON values. */
// biome-ignore lint/suspicious/noExplicitAny: the parameter of a plain handler is whatever its author declares it to be
export type PlainHandlers = Readonly<Record<string, (request: any, ctx: Context) => unknown>>;
