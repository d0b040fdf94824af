import type { Codec } from '../contract/codec.ts';
import type { MessageType } from '../contract/definition.ts';
import { cannotEncode } from './codec-error.ts';
import { kindOf } from './proto-message.ts';

const CONTENT_TYPE = 'application/octet-stream';

/**
 * Bytes as they are: a `Uint8Array`, and `undefined` for none. Both directions copy, so neither side sees what the other
 * does to its buffer afterwards.
 */
export function bytesCodec(): Codec {
  return {
    name: 'bytes',
    contentTypes: [CONTENT_TYPE],
    encode(value: unknown, type?: MessageType): Uint8Array {
      if (value instanceof Uint8Array) return new Uint8Array(value);
      if (value === undefined) return new Uint8Array(0);
      throw cannotEncode(CONTENT_TYPE, type, new Error(`it takes a Uint8Array, not ${kindOf(value)}`));
    },
    decode(body: Uint8Array): unknown {
      return new Uint8Array(body);
    },
  };
}
