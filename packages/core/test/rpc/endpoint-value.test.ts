import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Endpoint } from '../../src/contract/definition.ts';
import type { Value } from '../../src/contract/registry.ts';
import { bidiStream, defineService, unary } from '../../src/rpc/define-service.ts';
import { describeProto } from '../../src/rpc/describe-proto.ts';
import { messageValue, registeredEndpoint } from '../../src/rpc/endpoint-value.ts';
import { EverythingSchema, Sample } from '../gen/sample_pb.js';

const sample = describeProto(Sample);

test('a unary endpoint shows the fields of both messages, as go-micro shows those of the Go structs', () => {
  expect(registeredEndpoint(endpoint('Sample.Hello'))).toEqual({
    name: 'Sample.Hello',
    request: { name: 'HelloRequest', type: 'HelloRequest', values: [{ name: 'name', type: 'string', values: [] }] },
    response: { name: 'HelloReply', type: 'HelloReply', values: [{ name: 'msg', type: 'string', values: [] }] },
    metadata: {},
  });
});

test('a stream shows its messages, where go-micro loses them, and says that it is one and of which kind', () => {
  const count = { name: 'Count', type: 'Count', values: [{ name: 'count', type: 'int64', values: [] }] };
  for (const [name, kind] of [
    ['Sample.ClientStream', 'client'],
    ['Sample.ServerStream', 'server'],
    ['Sample.BidiStream', 'bidi'],
  ] as const) {
    expect(registeredEndpoint(endpoint(name))).toEqual({
      name,
      request: count,
      response: count,
      metadata: { stream: 'true', stream_kind: kind },
    });
  }
});

test('every kind of field has the type that Go gives it, and an empty list where Go has no values', () => {
  const { values } = messageValue({ name: 'Everything', proto: EverythingSchema });
  expect(Object.fromEntries(values.map(({ name, type }) => [name, type]))).toEqual({
    signed_count: 'int64',
    unsigned_count: 'uint64',
    fixed_count: 'uint64',
    zigzag_count: 'int64',
    ratio: 'float64',
    small_ratio: 'float32',
    flag: 'bool',
    payload: '[]uint8',
    state: 'State',
    part: 'Everything_Part',
    parts: '[]Everything_Part',
    counts: '[]int64',
    states: '[]State',
    labels: '',
    totals: '',
    named_parts: '',
    created_at: 'Timestamp',
    time_left: 'Duration',
    limit: 'int32',
    note: 'string',
    isEverything_BodyKind: 'isEverything_BodyKind',
    free_form: 'Struct',
    wrapped_count: 'Int64Value',
    mask: 'FieldMask',
    seen_at: '[]Timestamp',
    child: 'Everything',
  });
  expect(field(values, 'part').values).toEqual([
    { name: 'label', type: 'string', values: [] },
    { name: 'weight', type: 'int64', values: [] },
  ]);
  for (const name of ['parts', 'named_parts', 'state', 'payload']) expect(field(values, name).values).toEqual([]);
});

test('a message is shown three levels deep, even one that holds itself', () => {
  const { values } = messageValue({ name: 'Everything', proto: EverythingSchema });
  const child = field(values, 'child');
  expect(child.values.length).toBe(values.length);
  expect(field(child.values, 'child')).toEqual({ name: 'child', type: 'Everything', values: [] });
  expect(field(child.values, 'part').values).toEqual([]);
});

test('a message without a descriptor has a name alone', () => {
  const { endpoints } = defineService('Greeter', { hello: unary({ input: z.object({ name: z.string() }) }) });
  expect(endpoints.map((each) => registeredEndpoint(each))).toEqual([
    {
      name: 'Greeter.Hello',
      request: { name: 'HelloRequest', type: '', values: [] },
      response: { name: 'HelloResponse', type: '', values: [] },
      metadata: {},
    },
  ]);
});

test('metadata is found by wire name and by method name, the wire name wins, and a stream stays one', () => {
  const { endpoints } = defineService('Greeter', {
    hello: unary({ metadata: { own: '1', a: 'own', b: 'own' } }),
    chat: bidiStream(),
  });
  const more = {
    hello: { a: 'method', b: 'method' },
    'Greeter.Hello': { b: 'wire' },
    chat: { stream: 'false', path: '/chat' },
    other: { x: 'y' },
  };
  expect(endpoints.map((each) => registeredEndpoint(each, more).metadata)).toEqual([
    { own: '1', a: 'method', b: 'wire' },
    { stream: 'true', stream_kind: 'bidi', path: '/chat' },
  ]);
});

test('a method named like something of Object has no metadata by accident', () => {
  const { endpoints } = defineService('Greeter', { toString: unary(), valueOf: unary() });
  for (const each of endpoints) expect(registeredEndpoint(each, {}).metadata).toEqual({});
});

function endpoint(name: string): Endpoint {
  const found = sample.endpoints.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no endpoint ${name}`);
  return found;
}

function field(values: readonly Value[], name: string): Value {
  const found = values.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no field ${name}`);
  return found;
}
