import { expect, test } from 'vitest';
import { CODE } from '../../src/error/code.ts';
import { defineService, unary } from '../../src/rpc/define-service.ts';
import { describe } from '../../src/rpc/describe.ts';
import { describePlain } from '../../src/rpc/describe-plain.ts';
import { describeProto } from '../../src/rpc/describe-proto.ts';
import { EverythingSchema, HelloReplySchema, HelloRequestSchema, Sample } from '../gen/sample_pb.js';

const names = (definition: { endpoints: readonly { name: string }[] }) => definition.endpoints.map(({ name }) => name);

test('a generated service has the names that Go gives it, without its package', () => {
  const { name, endpoints } = describeProto(Sample);
  expect(name).toBe('Sample');
  expect(endpoints.map((endpoint) => [endpoint.name, endpoint.method, endpoint.kind, endpoint.idempotent])).toEqual([
    ['Sample.Hello', 'hello', 'unary', false],
    ['Sample.Look', 'look', 'unary', true],
    ['Sample.Put', 'put', 'unary', true],
    ['Sample.ClientStream', 'clientStream', 'clientStream', false],
    ['Sample.ServerStream', 'serverStream', 'serverStream', false],
    ['Sample.BidiStream', 'bidiStream', 'bidiStream', false],
  ]);
  expect(endpoints[0]).toMatchObject({ input: { name: 'HelloRequest' }, output: { name: 'HelloReply' }, metadata: {} });
  expect(endpoints[0]?.input.proto).toBe(HelloRequestSchema);
  expect(endpoints[0]?.output.proto).toBe(HelloReplySchema);
  expect(endpoints[1]?.output.proto).toBe(EverythingSchema);
});

test('a generated service is described once', () => {
  expect(describeProto(Sample)).toBe(describeProto(Sample));
  expect(describe(Sample)).toBe(describeProto(Sample));
  expect(describeProto(Sample).endpoints[0]?.input).toBe(describeProto(Sample).endpoints[1]?.input);
});

test('a definition describes itself, and anything else is refused', () => {
  const definition = defineService('Greeter', { hello: unary() });
  expect(describe(definition)).toBe(definition);
  for (const other of [{}, { hello() {} }, HelloRequestSchema, [], () => 1]) {
    expect(() => describe(other)).toThrow(expect.objectContaining({ code: CODE.badRequest }));
  }
});

test('a plain object serves its own functions, each unary, and nothing else of it', () => {
  const plain = describePlain('greeter', {
    async hello() {},
    goodBye: () => 1,
    _helper() {},
    constructor() {},
    limit: 7,
    get trap(): never {
      throw new Error('a getter ran');
    },
    [Symbol('s')]() {},
  });
  expect(plain).toEqual({
    name: 'Greeter',
    endpoints: [
      {
        name: 'Greeter.Hello',
        method: 'hello',
        kind: 'unary',
        input: { name: 'HelloRequest' },
        output: { name: 'HelloResponse' },
        idempotent: false,
        metadata: {},
      },
      expect.objectContaining({ name: 'Greeter.GoodBye', method: 'goodBye' }),
    ],
  });
});

test('an instance of a class serves the methods of its class and of those above, once each', () => {
  class Base {
    inherited(): void {}
    overridden(): void {}
    hidden(): void {}
  }
  class Greeter extends Base {
    arrow = () => 1;
    override hidden = undefined as never;
    override overridden(): void {}
    hello(): void {}
    static make(): void {}
    #secret(): void {}
    get trap(): never {
      this.#secret();
      throw new Error('a getter ran');
    }
  }
  expect(names(describePlain('Greeter', new Greeter())).sort()).toEqual([
    'Greeter.Arrow',
    'Greeter.Hello',
    'Greeter.Inherited',
    'Greeter.Overridden',
  ]);
});

test('nothing of Object is served, whatever the prototype', () => {
  expect(names(describePlain('Greeter', Object.assign(Object.create(null), { hello: () => 1 })))).toEqual([
    'Greeter.Hello',
  ]);
  expect(() => describePlain('Greeter', {})).toThrow(/there is no function/);
  expect(() => describePlain('Greeter', { toString: 'text' })).toThrow(
    expect.objectContaining({ code: CODE.badRequest }),
  );
});

test('a generator is refused with what to use instead', () => {
  expect(() => describePlain('Greeter', { async *ticks() {} })).toThrow(/Greeter.ticks is a generator.*serverStream/);
  expect(() => describePlain('Greeter', { *ticks() {} })).toThrow(/generator/);
});

test('functions whose names cannot stand on the wire, or clash there, are refused', () => {
  expect(() => describePlain('Greeter', { 'say-hello': () => 1 })).toThrow(/"say-hello"/);
  expect(() => describePlain('Greeter', { hello: () => 1, Hello: () => 2 })).toThrow(/both Greeter.Hello/);
});
