import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { Definition, Endpoint, MessageType } from '@micro/core';
import {
  CallRequestSchema,
  CallResponseSchema,
  ServerStreamRequestSchema,
  ServerStreamResponseSchema,
} from './gen/helloworld_pb.ts';

/** A unary method that takes and returns JSON values. */
interface Bare<In, Out> {
  readonly kind: 'unary';
  readonly callInput: In;
  readonly handlerInput: In;
  readonly handlerOutput: Out;
  readonly callOutput: Out;
}

/** A unary method with protobuf types. */
interface Proto<In extends DescMessage, Out extends DescMessage> {
  readonly kind: 'unary';
  readonly callInput: MessageInitShape<In>;
  readonly handlerInput: MessageShape<In>;
  readonly handlerOutput: MessageInitShape<Out>;
  readonly callOutput: MessageShape<Out>;
}

/** The fields of the Go program's `Person`. */
export interface Person {
  readonly name: string;
  readonly age?: number;
  readonly picture?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly friends?: readonly Person[];
  readonly pause?: number;
}

/** The methods of the Go program's `Plain`. */
export interface PlainMethods {
  readonly echo: Bare<unknown, unknown>;
  readonly struct: Bare<Person, Person>;
  readonly fail: Bare<{ readonly code?: number; readonly detail?: string; readonly id?: string }, object>;
  readonly panic: Bare<object, object>;
  readonly sleep: Bare<
    { readonly ms: number; readonly tag?: number },
    { readonly tag: number; readonly cancelled: boolean }
  >;
  readonly metadata: Bare<object, Readonly<Record<string, string>>>;
  readonly deadline: Bare<object, { readonly leftMs: number }>;
  readonly big: Bare<{ readonly size: number }, { readonly data: string }>;
  readonly int64Proto: Proto<typeof ServerStreamRequestSchema, typeof ServerStreamResponseSchema>;
  readonly empty: Proto<typeof CallRequestSchema, typeof CallResponseSchema>;
}

const ANY: MessageType = { name: '' };

function endpoint(method: string, input: MessageType = ANY, output: MessageType = ANY): Endpoint {
  const name = `Plain.${method.charAt(0).toUpperCase()}${method.slice(1)}`;
  return { name, method, kind: 'unary', input, output, idempotent: false, metadata: {} };
}

/** The Go program's `Plain`: any JSON value, but for the two endpoints with protobuf types. */
export const Plain: Definition<PlainMethods> = {
  name: 'Plain',
  endpoints: [
    ...['echo', 'struct', 'fail', 'panic', 'sleep', 'metadata', 'deadline', 'big'].map((method) => endpoint(method)),
    endpoint(
      'int64Proto',
      { name: 'ServerStreamRequest', proto: ServerStreamRequestSchema },
      { name: 'ServerStreamResponse', proto: ServerStreamResponseSchema },
    ),
    endpoint(
      'empty',
      { name: 'CallRequest', proto: CallRequestSchema },
      { name: 'CallResponse', proto: CallResponseSchema },
    ),
  ],
};
