import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { grpcCodec, grpcJsonCodec } from '../../src/codec/grpc-codec.ts';
import { CODE } from '../../src/error/code.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { CountSchema, HelloReplySchema, HelloRequestSchema } from '../gen/sample_pb.js';

const codec = grpcCodec();
const json = grpcJsonCodec();
const hello = { name: 'HelloRequest', proto: HelloRequestSchema };
const reply = { name: 'HelloReply', proto: HelloReplySchema };

const hex = (body: unknown): string => (body instanceof Uint8Array ? Buffer.from(body).toString('hex') : String(body));
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

test('messages have the bytes that a Go peer sends and expects', () => {
  expect(hex(codec.encode({ name: 'John' }, hello))).toBe('00000000060a044a6f686e');
  expect(hex(codec.encode({ msg: 'Hello John' }, reply))).toBe('000000000c0a0a48656c6c6f204a6f686e');
  expect(codec.decode(bytes('00 00000006 0a044a6f686e'), hello)).toEqual(create(HelloRequestSchema, { name: 'John' }));
  expect(Buffer.from(json.encode({ a: 1 })).toString('latin1')).toBe('\0\0\0\0\x07{"a":1}');
});

test('an empty message is written as its prefix, and read from that as well as from nothing', () => {
  expect(hex(codec.encode(undefined, hello))).toBe('0000000000');
  expect(hex(codec.encode({}, hello))).toBe('0000000000');
  for (const body of ['', '00 00000000']) {
    expect(codec.decode(bytes(body), hello)).toEqual(create(HelloRequestSchema));
    expect(json.decode(bytes(body))).toEqual({});
  }
});

test('JSON is written in the dialect that Go reads under this content type', () => {
  const count = { name: 'Count', proto: CountSchema };
  expect(Buffer.from(json.encode({ count: 2n ** 53n + 1n }, count)).toString('latin1', 5)).toBe(
    '{"count":9007199254740993}',
  );
});

test("a message without the prefix is read too, as go-micro's gRPC client publishes it", () => {
  expect(codec.decode(bytes('0a044a6f686e'), hello)).toMatchObject({ name: 'John' });
  expect(json.decode(Buffer.from('{"name":"John"}'), hello)).toMatchObject({ name: 'John' });
  const small = grpcCodec({ maxMessageBytes: 5 });
  expect(() => small.decode(bytes('0a044a6f686e'), hello)).toThrow(expect.objectContaining({ code: CODE.tooLarge }));
});

test('bytes without a type pass as they are, prefix and all', () => {
  expect(hex(codec.encode(bytes('0000000001ff')))).toBe('0000000001ff');
  expect(hex(codec.decode(bytes('0000000001ff')))).toBe('0000000001ff');
});

test.each([
  ['a part of the prefix', '000000'],
  ['a length beyond the end', '00 00000007 0a044a6f686e'],
  ['a length far beyond the end', '00 ffffffff 0a044a6f686e'],
  ['something behind the message', '00 00000006 0a044a6f686e 00 00000000'],
  ['a compressed message', '01 00000006 0a044a6f686e'],
])('%s is a 400', (_, body) => {
  for (const each of [codec, json]) {
    expect(() => each.decode(bytes(body), hello)).toThrow(expect.objectContaining({ code: CODE.badRequest }));
  }
});

test('a message over the limit is a 413 both ways, one of exactly the limit passes, and 0 is no limit', () => {
  const small = grpcCodec({ maxMessageBytes: 6 });
  expect(small.decode(small.encode({ name: 'John' }, hello), hello)).toMatchObject({ name: 'John' });
  const large = codec.encode({ name: 'Johnny' }, hello);
  expect(() => small.encode({ name: 'Johnny' }, hello)).toThrow(
    expect.objectContaining({ code: CODE.tooLarge, detail: expect.stringContaining('limit of 6') }),
  );
  expect(() => small.decode(large, hello)).toThrow(expect.objectContaining({ code: CODE.tooLarge }));

  const name = 'x'.repeat(4 * 1024 * 1024);
  expect(() => codec.encode({ name }, hello)).toThrow(expect.objectContaining({ code: CODE.tooLarge }));
  const unlimited = grpcCodec({ maxMessageBytes: 0 });
  expect(unlimited.decode(unlimited.encode({ name }, hello), hello)).toMatchObject({ name });
});

test('any bytes are a value or a 400', () => {
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.uint8Array({ maxLength: 40 }).map((payload) => new Uint8Array([0, 0, 0, 0, payload.length, ...payload])),
  );
  fc.assert(
    fc.property(body, (input) => {
      for (const each of [codec, json]) {
        try {
          each.decode(input, hello);
        } catch (error) {
          expect(error).toBeInstanceOf(MicroError);
          expect(error).toMatchObject({ code: CODE.badRequest });
        }
      }
    }),
  );
});
