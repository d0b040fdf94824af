import {
  create,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  type Registry,
  toJson,
} from '@bufbuild/protobuf';
import type { Codec } from '../contract/codec.ts';
import type { MessageType } from '../contract/definition.ts';
import { cannotDecode, cannotEncode } from './codec-error.ts';
import { jsonFacts } from './go-json.ts';
import { toGoJson } from './go-json-writer.ts';
import { quoteLongIntegers } from './long-integers.ts';
import { stringify, textOf } from './plain-json.ts';
import { kindOf, messageOf } from './proto-message.ts';

const CONTENT_TYPE = 'application/json';

/** Options of `jsonCodec`. */
export interface JsonCodecOptions {
  /** Where the messages inside `google.protobuf.Any` are found. Default: none, and an `Any` is refused. */
  readonly registry?: Registry | undefined;
  /**
   * How messages with a descriptor are written. Default `protobuf`, the JSON of protobuf, which Go's jsonpb reads. `go`:
   * as Go's `encoding/json` writes and reads a generated struct. Both are read in either case.
   */
  readonly dialect?: 'protobuf' | 'go' | undefined;
}

/**
 * JSON. A type with a protobuf descriptor is written as protobuf's JSON, which Go's jsonpb reads, and read from it as well
 * as from what Go's `encoding/json` makes of a generated struct: names in either form, 64-bit integers as bare numbers of
 * any size, enums as numbers, timestamps and durations as structs, oneofs nested under their Go names. Unknown fields are
 * ignored. `google.protobuf.Struct` and its kin are read as protobuf's JSON alone.
 *
 * Any other value is written by `JSON.stringify` and read by `JSON.parse`: an integer beyond 2^53 in it arrives rounded,
 * and a bigint is written as a bare integer, as Go writes an int64. Describe the message with protobuf, or send a string,
 * where every digit counts.
 *
 * `undefined` is written as `{}`, since a Go client fails on an empty JSON body; an empty body is read as an empty message,
 * `{}`. A `Uint8Array` without a type is JSON already and passes as it is.
 */
export function jsonCodec(options: JsonCodecOptions = {}): Codec {
  const registry = options.registry === undefined ? undefined : { registry: options.registry };
  const writeMessage = (desc: DescMessage, message: Message): string | undefined =>
    options.dialect === 'go' ? stringify(toGoJson(desc, message)) : JSON.stringify(toJson(desc, message, registry));
  const readOptions = { ignoreUnknownFields: true, ...registry };

  function decodeMessage(text: string, desc: DescMessage): unknown {
    const { longIntegers, rewrite } = jsonFacts(desc);
    const plain: JsonValue = JSON.parse(text);
    if (plain === null && desc.typeName !== 'google.protobuf.Value') return create(desc);
    const quoted = longIntegers ? quoteLongIntegers(text) : text;
    const json: JsonValue = quoted === text ? plain : JSON.parse(quoted);
    // What is rewritten came out of JSON.parse and holds nothing else afterwards.
    return fromJson(desc, rewrite === undefined ? json : (rewrite(json, plain, 1) as JsonValue), readOptions);
  }

  return {
    name: 'json',
    contentTypes: [CONTENT_TYPE],
    encode(value: unknown, type?: MessageType): Uint8Array {
      if (value instanceof Uint8Array && type === undefined) return new Uint8Array(value);
      try {
        if (value instanceof Uint8Array) throw new Error('a Uint8Array has no JSON; use application/octet-stream');
        const proto = type?.proto;
        const text = proto === undefined ? stringify(value) : writeMessage(proto, messageOf(proto, value));
        if (text !== undefined) return Buffer.from(text);
        if (value !== undefined) throw new Error(`${kindOf(value)} has no JSON`);
        return Buffer.from('{}');
      } catch (cause) {
        throw cannotEncode(CONTENT_TYPE, type, cause);
      }
    },
    decode(body: Uint8Array, type?: MessageType): unknown {
      if (body.length === 0) return type?.proto === undefined ? {} : create(type.proto);
      try {
        const text = textOf(body);
        return type?.proto === undefined ? JSON.parse(text) : decodeMessage(text, type.proto);
      } catch (cause) {
        throw cannotDecode(CONTENT_TYPE, type, cause);
      }
    },
  };
}
