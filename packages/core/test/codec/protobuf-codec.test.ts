import { create, type MessageInitShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { protobufCodec } from '../../src/codec/protobuf-codec.ts';
import { CODE } from '../../src/error/code.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { EverythingSchema, HelloReplySchema, HelloRequestSchema, State } from '../gen/sample_pb.js';

const codec = protobufCodec();
const hello = { name: 'HelloRequest', proto: HelloRequestSchema };
const reply = { name: 'HelloReply', proto: HelloReplySchema };
const everything = { name: 'Everything', proto: EverythingSchema };
const plain = { name: 'PlainRequest' };

const hex = (body: unknown): string => (body instanceof Uint8Array ? Buffer.from(body).toString('hex') : String(body));
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

test('messages have the bytes that a Go peer sends and expects', () => {
  expect(hex(codec.encode({ name: 'John' }, hello))).toBe('0a044a6f686e');
  expect(hex(codec.encode(create(HelloReplySchema, { msg: 'Hello John' }), reply))).toBe('0a0a48656c6c6f204a6f686e');
  expect(codec.decode(bytes('0a04 4a6f686e'), hello)).toEqual(create(HelloRequestSchema, { name: 'John' }));
});

test('no message, null and the empty one have no bytes, and no bytes are the empty one', () => {
  for (const value of [undefined, null, {}]) expect(codec.encode(value, hello)).toHaveLength(0);
  expect(codec.decode(new Uint8Array(0), hello)).toEqual(create(HelloRequestSchema));
});

test('integers of 64 bits keep every digit', () => {
  const init = { signedCount: -(2n ** 63n), unsignedCount: 2n ** 64n - 1n, fixedCount: 2n ** 53n + 1n };
  expect(codec.decode(codec.encode(init, everything), everything)).toEqual(create(EverythingSchema, init));
});

test('fields that the descriptor does not know are written again', () => {
  const body = bytes('0a044a6f686e 18 07 22 02 6162');
  expect(hex(codec.encode(codec.decode(body, hello), hello))).toBe(hex(body));
});

test('bytes without a type pass as they are', () => {
  expect(hex(codec.encode(bytes('ff00'), undefined))).toBe('ff00');
  expect(hex(codec.decode(bytes('ff00')))).toBe('ff00');
});

test('a type without a descriptor is a 400 that says what to use', () => {
  expect(() => codec.encode({}, plain)).toThrow(/PlainRequest.*application\/json/);
  expect(() => codec.decode(new Uint8Array(0), plain)).toThrow(expect.objectContaining({ code: CODE.badRequest }));
  expect(() => codec.encode({ name: 'John' })).toThrow(expect.objectContaining({ code: CODE.badRequest }));
});

test.each([
  ['cut short', '0a05 4a6f68'],
  ['a length beyond the end', '0affffffff0f'],
  ['field 0', '0007'],
  ['an end without its beginning', '0c'],
  ['a varint without an end', '08ffffffffffffffffffffff'],
])('%s is a 400 that names the type', (_, body) => {
  expect(() => codec.decode(bytes(body), hello)).toThrow(
    expect.objectContaining({ code: CODE.badRequest, detail: expect.stringContaining('sample.v1.HelloRequest') }),
  );
});

test('values of a wrong type are a 400', () => {
  for (const value of [7, 'John', [], new Uint8Array(2), { signedCount: 'many' }, { limit: 1.5 }]) {
    expect(() => codec.encode(value, everything)).toThrow(expect.objectContaining({ code: CODE.badRequest }));
  }
});

test('a message nested a thousand times is a 400', () => {
  let body = new Uint8Array(0);
  for (let depth = 0; depth < 1_000; depth++) {
    body = new Uint8Array([0xea, 0x01, ...varint(body.length), ...body]);
  }
  expect(() => codec.decode(body, everything)).toThrow(expect.objectContaining({ code: CODE.badRequest }));
});

test('any bytes are a message or a 400', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (body) => {
      try {
        codec.decode(body, everything);
      } catch (error) {
        expect(error).toBeInstanceOf(MicroError);
        expect(error).toMatchObject({ code: CODE.badRequest });
      }
    }),
    { numRuns: 1_000 },
  );
});

test('any message comes back', () => {
  const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const part = fc.record({ label: fc.string({ unit: 'grapheme' }), weight: long });
  const init: fc.Arbitrary<MessageInitShape<typeof EverythingSchema>> = fc.record({
    signedCount: long,
    zigzagCount: long,
    ratio: fc.double({ noNaN: true }),
    payload: fc.uint8Array(),
    state: fc.constantFrom(State.OPEN, State.CLOSED),
    parts: fc.array(part),
    counts: fc.array(long),
    namedParts: fc.dictionary(fc.string(), part, { noNullPrototype: true }),
    bodyKind: fc.record({ case: fc.constant('somePart' as const), value: part }),
  });
  fc.assert(
    fc.property(init, (value) => {
      expect(codec.decode(codec.encode(value, everything), everything)).toEqual(create(EverythingSchema, value));
    }),
  );
});

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
