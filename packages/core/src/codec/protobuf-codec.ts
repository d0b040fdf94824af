import { fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Codec } from '../contract/codec.ts';
import type { MessageType } from '../contract/definition.ts';
import { cannotDecode, cannotEncode } from './codec-error.ts';
import { messageOf } from './proto-message.ts';

const CONTENT_TYPE = 'application/protobuf';
const NO_DESCRIPTOR = 'there is no protobuf descriptor for it; use application/json';

/**
 * Bare protobuf messages. It needs a type with a descriptor; without any type it takes and gives bytes that are a message
 * already, as go-micro's raw frames do. `undefined` is the empty message, which has no bytes. Fields that the descriptor
 * does not know are kept and written again.
 */
export function protobufCodec(): Codec {
  return {
    name: 'protobuf',
    contentTypes: [CONTENT_TYPE],
    encode(value: unknown, type?: MessageType): Uint8Array {
      if (value instanceof Uint8Array && type === undefined) return new Uint8Array(value);
      try {
        if (type?.proto === undefined) throw new Error(NO_DESCRIPTOR);
        return toBinary(type.proto, messageOf(type.proto, value));
      } catch (cause) {
        throw cannotEncode(CONTENT_TYPE, type, cause);
      }
    },
    decode(body: Uint8Array, type?: MessageType): unknown {
      // A copy, since fields of bytes are views of what is decoded and would hold, or see changes of, a read buffer.
      const bytes = new Uint8Array(body);
      if (type === undefined) return bytes;
      try {
        if (type.proto === undefined) throw new Error(NO_DESCRIPTOR);
        return fromBinary(type.proto, bytes);
      } catch (cause) {
        throw cannotDecode(CONTENT_TYPE, type, cause);
      }
    },
  };
}
