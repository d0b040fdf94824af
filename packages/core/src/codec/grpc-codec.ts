import type { Codec } from '../contract/codec.ts';
import type { MessageType } from '../contract/definition.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { limitOf } from '../util/limit.ts';
import { cannotDecode } from './codec-error.ts';
import { jsonCodec } from './json-codec.ts';
import { protobufCodec } from './protobuf-codec.ts';

/** A flag byte and the length in four bytes, most significant first. */
const PREFIX_BYTES = 5;
/** The flag of a compressed message; 0 is the other one. */
const COMPRESSED = 1;
const DEFAULT_MOST_BYTES = 4 * 1024 * 1024;

/** Options of `grpcCodec` and `grpcJsonCodec`. */
export interface GrpcCodecOptions {
  /** The largest message, without its prefix, in bytes. Default 4 MiB, as in go-micro; 0 is no limit. */
  readonly maxMessageBytes?: number | undefined;
}

/**
 * A protobuf message behind gRPC's prefix, one to a body. An empty message is written as `00 00000000`, since a Go client
 * fails on an empty body; an empty body is read as an empty message, since a Go server writes that. Larger messages than
 * the limit are refused with 413, compressed ones with 400. A message without the prefix is read too: so the clients and
 * servers of go-micro's gRPC plugins write events. Without a type, bytes pass both ways as they are, with their prefix.
 */
export function grpcCodec(options: GrpcCodecOptions = {}): Codec {
  const codec = framed(protobufCodec(), 'application/grpc', options);
  return {
    ...codec,
    name: 'grpc',
    contentTypes: ['application/grpc', 'application/grpc+proto'],
    decode: (body, type) => (type === undefined ? new Uint8Array(body) : codec.decode(body, type)),
  };
}

/**
 * JSON behind gRPC's prefix, one value to a body, with the same limit. Messages with a descriptor are written in the
 * dialect of Go's `encoding/json`, since that is what Go reads them with under this content type, and read in either.
 */
export function grpcJsonCodec(options: GrpcCodecOptions = {}): Codec {
  return { ...framed(jsonCodec({ dialect: 'go' }), 'application/grpc+json', options), name: 'grpc-json' };
}

function framed(payload: Codec, contentType: string, options: GrpcCodecOptions): Codec {
  const mostBytes = limitOf('maxMessageBytes', options.maxMessageBytes, DEFAULT_MOST_BYTES);

  function checkSize(bytes: number, type: MessageType | undefined): void {
    if (bytes <= mostBytes) return;
    throw new MicroError({
      code: CODE.tooLarge,
      detail: `${type?.name || 'a message'} of ${bytes} bytes is larger than the ${contentType} limit of ${mostBytes}`,
    });
  }

  function unframe(body: Uint8Array, type: MessageType | undefined): Uint8Array {
    // No message of protobuf, and no JSON, begins with a byte that can be a flag.
    if (body.length === 0 || (body[0] ?? 0) > COMPRESSED) {
      checkSize(body.length, type);
      return body;
    }
    if (body.length < PREFIX_BYTES) throw new Error(`${body.length} bytes are shorter than the prefix`);
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    if (view.getUint8(0) === COMPRESSED) throw new Error('the message is compressed; send it with flag 0');
    const length = view.getUint32(1);
    const present = body.length - PREFIX_BYTES;
    if (length !== present) throw new Error(`the prefix says ${length} bytes and ${present} follow`);
    checkSize(length, type);
    return body.subarray(PREFIX_BYTES);
  }

  return {
    name: payload.name,
    contentTypes: [contentType],
    encode(value, type) {
      const bytes = payload.encode(value, type);
      if (value instanceof Uint8Array) return bytes;
      checkSize(bytes.length, type);
      const body = Buffer.allocUnsafe(PREFIX_BYTES + bytes.length);
      body.writeUInt8(0, 0);
      body.writeUInt32BE(bytes.length, 1);
      body.set(bytes, PREFIX_BYTES);
      return body;
    },
    decode(body, type) {
      let bytes: Uint8Array;
      try {
        bytes = unframe(body, type);
      } catch (cause) {
        throw cannotDecode(contentType, type, cause);
      }
      return payload.decode(bytes, type);
    },
  };
}
