import assert from 'node:assert/strict';
import type { Codec } from '../contract/codec.ts';
import type { MessageType } from '../contract/definition.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';

/** A value that a codec takes, and what it is given back as. */
export interface CodecSample {
  readonly value: unknown;
  readonly type?: MessageType | undefined;
  /** What decoding gives, when that is not deeply equal to `value`. */
  readonly decoded?: unknown;
}

/** A codec, and values and bytes to try it with. */
export interface CodecWorld {
  readonly codec: Codec;
  /** At least one that is not empty. */
  readonly samples: readonly CodecSample[];
  /** Bytes that are no value of the type, with the type; `[]` when any bytes are a value. */
  readonly garbage: readonly { readonly bytes: Uint8Array; readonly type?: MessageType | undefined }[];
  /** Values that have no bytes, with the type. At least one. */
  readonly unencodable: readonly { readonly value: unknown; readonly type?: MessageType | undefined }[];
  /** A type, and the value that is its empty message. */
  readonly empty: { readonly value: unknown; readonly type?: MessageType | undefined };
}

/** What every codec has to do. */
export const codecCases: Readonly<Record<string, (world: CodecWorld) => Promise<void>>> = {
  'it has a name and says exactly which content types it serves': async ({ codec }) => {
    assert.notEqual(codec.name, '');
    assert.notEqual(codec.contentTypes.length, 0);
    assert.equal(new Set(codec.contentTypes).size, codec.contentTypes.length, 'a content type stands there twice');
    for (const contentType of codec.contentTypes) {
      // go-micro compares content types to the letter, so a parameter or another case would never be found.
      assert.match(contentType, /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/);
    }
  },

  'what is encoded is decoded again': async ({ codec, samples }) => {
    assert.notEqual(samples.length, 0);
    for (const sample of samples) {
      const bytes = codec.encode(sample.value, sample.type);
      assert.ok(bytes instanceof Uint8Array);
      assert.deepEqual(codec.decode(bytes, sample.type), 'decoded' in sample ? sample.decoded : sample.value);
    }
  },

  'bytes in the middle of a larger buffer are decoded as they are alone': async ({ codec, samples }) => {
    for (const { value, type } of samples) {
      const bytes = codec.encode(value, type);
      assert.deepEqual(codec.decode(embedded(bytes), type), codec.decode(bytes, type));
    }
  },

  'an empty body is an empty message': async ({ codec, empty }) => {
    assert.deepEqual(codec.decode(new Uint8Array(0), empty.type), empty.value);
  },

  'the empty message comes back from what undefined is encoded as': async ({ codec, empty }) => {
    assert.deepEqual(codec.decode(codec.encode(undefined, empty.type), empty.type), empty.value);
  },

  'bytes that are no value are a 400 that says so in a few words': async ({ codec, garbage }) => {
    for (const { bytes, type } of garbage) {
      const error = thrownBy(() => codec.decode(bytes, type));
      assert.equal(error.code, CODE.badRequest);
      assertShort(error);
    }
  },

  'a value that has no bytes is a 400 that says so in a few words': async ({ codec, unencodable }) => {
    assert.notEqual(unencodable.length, 0);
    for (const { value, type } of unencodable) {
      const error = thrownBy(() => codec.encode(value, type));
      assert.equal(error.code, CODE.badRequest);
      assertShort(error);
    }
  },

  'a decoded value does not change with the buffer it was read from': async ({ codec, samples }) => {
    for (const { value, type } of samples) {
      const expected = codec.decode(codec.encode(value, type), type);
      const buffer = new Uint8Array(codec.encode(value, type));
      const decoded = codec.decode(buffer, type);
      buffer.fill(0xff);
      assert.deepEqual(decoded, expected);
    }
  },

  'encoded bytes do not change with the value they were made from': async ({ codec, samples }) => {
    for (const { value, type } of samples) {
      if (!(value instanceof Uint8Array)) continue;
      const expected = codec.decode(codec.encode(value, type), type);
      const own = new Uint8Array(value);
      const bytes = codec.encode(own, type);
      own.fill(0xff);
      assert.deepEqual(codec.decode(bytes, type), expected);
    }
  },

  'encoding does not change the value, and gives the same meaning again': async ({ codec, samples }) => {
    for (const { value, type } of samples) {
      const first = codec.decode(codec.encode(value, type), type);
      const second = codec.decode(codec.encode(value, type), type);
      assert.deepEqual(second, first);
    }
  },

  'nothing that is decoded reaches a prototype': async ({ codec }) => {
    const texts = ['{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}'];
    for (const text of texts) {
      try {
        codec.decode(new TextEncoder().encode(text));
      } catch (error) {
        assert.ok(error instanceof MicroError);
      }
      assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
    }
  },
};

/** The same bytes with others around them in one buffer, as a transport hands them out. */
function embedded(bytes: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(bytes.length + 14).fill(0xa5);
  buffer.set(bytes, 7);
  return buffer.subarray(7, 7 + bytes.length);
}

function thrownBy(run: () => unknown): MicroError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof MicroError, `a MicroError was expected, not ${String(error)}`);
    return error;
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' });
}

function assertShort(error: MicroError): void {
  assert.notEqual(error.detail, '');
  assert.ok(error.detail.length < 1_000, 'the detail holds too much of its input');
  assert.doesNotMatch(error.detail, /[\r\n]/, 'the detail travels in a header, so it is one line');
}
