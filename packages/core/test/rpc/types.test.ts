import type { MessageInitShape } from '@bufbuild/protobuf';
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import type { CallOptions, Context } from '../../src/contract/context.ts';
import type { Server } from '../../src/contract/server.ts';
import type { ClientOf, HandlersOf, Messages, MethodsOf } from '../../src/contract/typed.ts';
import { bidiStream, clientStream, defineService, serverStream, unary } from '../../src/rpc/define-service.ts';
import { describe } from '../../src/rpc/describe.ts';
import { describeProto } from '../../src/rpc/describe-proto.ts';
import type {
  Count,
  CountSchema,
  HelloReply,
  HelloReplySchema,
  HelloRequest,
  HelloRequestSchema,
} from '../gen/sample_pb.js';
import { Sample } from '../gen/sample_pb.js';

/*
 * These tests hold when they compile: `tsc` checks them together with the source. A `@ts-expect-error` that is not needed
 * is an error itself.
 */

const Shop = defineService('Shop', {
  order: unary({
    input: z.object({ id: z.string(), count: z.coerce.number().default(1) }),
    output: z.object({ at: z.codec(z.string(), z.date(), { decode: (s) => new Date(s), encode: (d) => d.toJSON() }) }),
    idempotent: true,
  }),
  bare: unary<{ name: string }, { msg: string }>(),
  open: unary(),
  answers: unary({ output: z.object({ n: z.number() }) }),
  upload: clientStream({ input: z.object({ part: z.string() }), output: z.object({ total: z.number() }) }),
  ticks: serverStream<{ count: number }, { at: number }>({ metadata: { quick: 'yes' } }),
  chat: bidiStream<string, string>(),
});

declare const ctx: Context;

test('a caller passes what the validator takes and receives what the validator of the answer gives', () => {
  type Client = ClientOf<typeof Shop>;
  expectTypeOf<Parameters<Client['order']>[1]>().toEqualTypeOf<CallOptions | Context | undefined>();
  expectTypeOf<Parameters<Client['order']>[0]['id']>().toEqualTypeOf<string>();
  expectTypeOf<Parameters<Client['order']>[0]['count']>().toEqualTypeOf<unknown>();
  expectTypeOf<Awaited<ReturnType<Client['order']>>>().toEqualTypeOf<{ at: Date }>();
  expectTypeOf<Client['bare']>().parameter(0).toEqualTypeOf<{ name: string }>();
  expectTypeOf<Client['bare']>().returns.resolves.toEqualTypeOf<{ msg: string }>();
  expectTypeOf<Client['open']>().parameter(0).toEqualTypeOf<unknown>();
  expectTypeOf<Client['open']>().returns.resolves.toEqualTypeOf<unknown>();
  expectTypeOf<Client['answers']>().parameter(0).toEqualTypeOf<unknown>();
  expectTypeOf<Client['answers']>().returns.resolves.toEqualTypeOf<{ n: number }>();
  expectTypeOf<Client['upload']>().parameter(0).toEqualTypeOf<Messages<{ part: string }>>();
  expectTypeOf<Client['upload']>().returns.resolves.toEqualTypeOf<{ total: number }>();
  expectTypeOf<Client['ticks']>().returns.toEqualTypeOf<AsyncIterable<{ at: number }>>();
  expectTypeOf<Client['chat']>().parameter(0).toEqualTypeOf<Messages<string>>();
  expectTypeOf<Client['chat']>().returns.toEqualTypeOf<AsyncIterable<string>>();
});

test('a handler receives what the validator gives and returns what the validator of the answer takes', () => {
  type Handlers = HandlersOf<typeof Shop>;
  expectTypeOf<Handlers['order']>().parameter(0).toEqualTypeOf<{ id: string; count: number }>();
  expectTypeOf<Handlers['order']>().parameter(1).toEqualTypeOf<Context>();
  expectTypeOf<Handlers['order']>().returns.toEqualTypeOf<{ at: string } | Promise<{ at: string }>>();
  expectTypeOf<Handlers['upload']>().parameter(0).toEqualTypeOf<AsyncIterable<{ part: string }>>();
  expectTypeOf<Handlers['ticks']>().returns.toEqualTypeOf<Messages<{ at: number }>>();
});

test('a generated service gives messages to whoever receives, and takes initial values from whoever sends', () => {
  type Client = ClientOf<typeof Sample>;
  type Handlers = HandlersOf<typeof Sample>;
  expectTypeOf<Client['hello']>().parameter(0).toEqualTypeOf<MessageInitShape<typeof HelloRequestSchema>>();
  expectTypeOf<Client['hello']>().returns.resolves.toEqualTypeOf<HelloReply>();
  expectTypeOf<Client['clientStream']>().parameter(0).toEqualTypeOf<Messages<MessageInitShape<typeof CountSchema>>>();
  expectTypeOf<Client['serverStream']>().returns.toEqualTypeOf<AsyncIterable<Count>>();
  expectTypeOf<Handlers['hello']>().parameter(0).toEqualTypeOf<HelloRequest>();
  type ReplyInit = MessageInitShape<typeof HelloReplySchema>;
  expectTypeOf<Handlers['hello']>().returns.toEqualTypeOf<ReplyInit | Promise<ReplyInit>>();
  expectTypeOf<Handlers['bidiStream']>().parameter(0).toEqualTypeOf<AsyncIterable<Count>>();
});

test('a definition made of a generated service has the types of the service', () => {
  const ofDescriptor = describeProto(Sample);
  const described = describe(Sample);
  expectTypeOf<MethodsOf<typeof ofDescriptor>>().toEqualTypeOf<MethodsOf<typeof Sample>>();
  expectTypeOf<ClientOf<typeof described>['hello']>().toEqualTypeOf<ClientOf<typeof Sample>['hello']>();
  const shop = describe(Shop);
  expectTypeOf<ClientOf<typeof shop>['order']>().toEqualTypeOf<ClientOf<typeof Shop>['order']>();
});

// Never called: what is wrong here is wrong for the compiler.
export async function wrongCalls(shop: ClientOf<typeof Shop>, sample: ClientOf<typeof Sample>): Promise<void> {
  await shop.order({ id: 'a' }, { timeoutMs: 5 });
  await shop.order({ id: 'a' }, ctx);
  // @ts-expect-error the id is a string
  await shop.order({ id: 7 });
  // @ts-expect-error there is no such field
  await shop.bare({ name: 'John', nmae: 'John' });
  // @ts-expect-error there is no such method
  await shop.ordre({ id: 'a' });
  // @ts-expect-error there is no such option
  await shop.bare({ name: 'John' }, { timeout: 5 });
  // @ts-expect-error the answer has no such field
  (await shop.bare({ name: 'John' })).message;
  // @ts-expect-error one message where a stream is taken
  await shop.upload({ part: 'a' });
  // @ts-expect-error a stream is no promise
  shop.ticks({ count: 1 }).then;
  await sample.hello({ name: 'John' });
  // @ts-expect-error the name is a string
  await sample.hello({ name: 7 });
  // @ts-expect-error there is no such field
  await sample.hello({ nmae: 'John' });
  // @ts-expect-error an int64 is a bigint
  sample.serverStream({ count: 10 });
  for await (const { count } of sample.bidiStream([{ count: 1n }])) expectTypeOf(count).toEqualTypeOf<bigint>();
}

export function wrongHandlers(server: Server): void {
  server.handle(Sample, {
    hello: ({ name }) => ({ msg: `Hello ${name}` }),
    look: async () => ({ signedCount: 1n, bodyKind: { case: 'plainText', value: 'x' } }),
    put: (everything) => everything,
    async clientStream(requests) {
      let count = 0n;
      for await (const request of requests) count += request.count;
      return { count };
    },
    async *serverStream({ count }) {
      for (let i = 0n; i < count; i++) yield { count: i };
    },
    async *bidiStream(requests) {
      for await (const { count } of requests) yield { count };
    },
  });
  // @ts-expect-error five methods are missing
  server.handle(Sample, { hello: () => ({ msg: '' }) });
  server.handle(defineService('Greeter', { hello: unary<{ name: string }, { msg: string }>() }), {
    hello: async ({ name }) => ({ msg: name }),
  });
  const greeter = defineService('Greeter', { hello: unary<{ name: string }, { msg: string }>() });
  // @ts-expect-error the answer is a string
  server.handle(greeter, { hello: ({ name }) => ({ msg: name.length }) });
  server.handle(defineService('Greeter', { hello: unary({ input: z.object({ name: z.string() }) }) }), {
    // @ts-expect-error the request has no such field
    hello: ({ nmae }) => nmae,
  });
  server.handle('Greeter', { hello: async ({ name }: { name: string }) => ({ msg: name }) });
  // @ts-expect-error a plain service is made of functions
  server.handle('Greeter', { hello: 7 });
}

// @ts-expect-error a validator has to be one
unary({ input: { name: 'string' } });
// @ts-expect-error a definition is made of methods
defineService('Greeter', { hello: () => 1 });
