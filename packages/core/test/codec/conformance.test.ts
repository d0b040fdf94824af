import { create } from '@bufbuild/protobuf';
import { describe, test } from 'vitest';
import { bytesCodec } from '../../src/codec/bytes-codec.ts';
import { grpcCodec, grpcJsonCodec } from '../../src/codec/grpc-codec.ts';
import { jsonCodec } from '../../src/codec/json-codec.ts';
import { protobufCodec } from '../../src/codec/protobuf-codec.ts';
import { type CodecWorld, codecCases } from '../../src/conformance/codec.ts';
import { runConformance } from '../../src/conformance/run.ts';
import { EverythingSchema, HelloRequestSchema } from '../gen/sample_pb.js';

const hello = { name: 'HelloRequest', proto: HelloRequestSchema };
const everything = { name: 'Everything', proto: EverythingSchema };
const full = create(EverythingSchema, {
  signedCount: -(2n ** 63n),
  payload: new Uint8Array([0, 1, 2, 255]),
  parts: [{ label: 'é', weight: 2n ** 53n + 1n }],
  child: create(EverythingSchema, { payload: new Uint8Array([7]), labels: { a: 'b' } }),
});
const messages = [
  { value: { name: 'John' }, type: hello, decoded: create(HelloRequestSchema, { name: 'John' }) },
  { value: full, type: everything },
];
const emptyMessage = { value: create(HelloRequestSchema), type: hello };
const noMessages = [7, 'x', [], new Uint8Array(1)].map((value) => ({ value, type: everything }));
const raw = new Uint8Array([0, 0, 0, 0, 1, 255]);

const worlds: Readonly<Record<string, () => CodecWorld>> = {
  jsonCodec: () => ({
    codec: jsonCodec(),
    samples: [
      ...messages,
      { value: { a: [1, 'é', null, { b: true }] } },
      { value: 'text' },
      { value: null },
      { value: 0 },
    ],
    garbage: [
      { bytes: Buffer.from('{"a":') },
      { bytes: Buffer.from(`{"a":\n${'x'.repeat(10_000)}`) },
      { bytes: Buffer.from('[]'), type: hello },
      { bytes: Buffer.from('{"name":7}'), type: hello },
      { bytes: new Uint8Array([0xff, 0xfe]) },
    ],
    unencodable: [...noMessages, { value: { name: 7 }, type: hello }, { value: () => 1 }, { value: Symbol('s') }],
    empty: emptyMessage,
  }),
  'jsonCodec without types': () => ({
    codec: jsonCodec(),
    samples: [{ value: {} }, { value: { a: 1 } }],
    garbage: [{ bytes: Buffer.from('nothing') }],
    unencodable: [{ value: () => 1 }],
    empty: { value: {} },
  }),
  protobufCodec: () => ({
    codec: protobufCodec(),
    samples: [...messages, { value: raw }],
    garbage: [
      { bytes: new Uint8Array([0x0a, 0x05, 0x4a]), type: hello },
      { bytes: new Uint8Array([0x0f]), type: hello },
    ],
    unencodable: [...noMessages, { value: { limit: 1.5 }, type: everything }, { value: { name: 'John' } }],
    empty: emptyMessage,
  }),
  grpcCodec: () => ({
    codec: grpcCodec(),
    samples: [...messages, { value: raw }],
    garbage: [
      { bytes: new Uint8Array([0]), type: hello },
      { bytes: new Uint8Array([0, 0, 0, 0, 9, 1]), type: hello },
    ],
    unencodable: noMessages,
    empty: emptyMessage,
  }),
  grpcJsonCodec: () => ({
    codec: grpcJsonCodec(),
    samples: [...messages, { value: { a: [1, 'é', null] } }],
    garbage: [{ bytes: new Uint8Array([0]) }, { bytes: new Uint8Array([0, 0, 0, 0, 1, 0x7b]), type: hello }],
    unencodable: noMessages,
    empty: emptyMessage,
  }),
  bytesCodec: () => ({
    codec: bytesCodec(),
    samples: [
      { value: raw },
      { value: new Uint8Array(0) },
      { value: Buffer.from('abc'), decoded: new Uint8Array([97, 98, 99]) },
    ],
    garbage: [],
    unencodable: [{ value: 'text' }, { value: { a: 1 } }, { value: null }],
    empty: { value: new Uint8Array(0) },
  }),
};

for (const [name, world] of Object.entries(worlds)) {
  describe(name, () => runConformance({ test, cases: codecCases, world }));
}
