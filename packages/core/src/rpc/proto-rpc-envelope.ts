import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { checkedHead, type LegacyEnvelope, reading } from './legacy-envelope.ts';

const NAME = 'proto-rpc';
const EMPTY = new Uint8Array(0);
const LENGTH_BYTES = 4;
const LARGEST_SEQUENCE = 2n ** 64n - 1n;

const METHOD = 1;
const SEQUENCE = 2;
const ERROR = 3;

interface Envelope {
  readonly method: string;
  readonly sequence: bigint;
  readonly error: string;
}

/**
 * go-micro's proto-rpc: two strings of bytes, each behind its length in four bytes, most significant first. The first is a
 * protobuf message (1: method, 2: sequence number as fixed64, 3: error, in replies), the second the encoded value. A missing
 * second one is an empty message.
 */
export const protoRpcEnvelope: LegacyEnvelope = {
  writeRequest({ method, id, body }) {
    return join(writeEnvelope({ method, sequence: sequenceOf(id), error: '' }), body);
  },

  readRequest(bytes) {
    return reading(NAME, () => {
      const [envelope, body] = split(bytes);
      const { method, sequence } = readEnvelope(envelope);
      return { ...checkedHead(method, String(sequence)), body };
    });
  },

  writeReply({ id, body, error }) {
    return join(writeEnvelope({ method: '', sequence: sequenceOf(id), error }), error === '' ? body : EMPTY);
  },

  readReply(bytes) {
    return reading(NAME, () => {
      const [envelope, body] = split(bytes);
      const { sequence, error } = readEnvelope(envelope);
      return { id: String(sequence), body: error === '' ? body : EMPTY, error };
    });
  },
};

function sequenceOf(id: string): bigint {
  const sequence = /^[0-9]{1,20}$/.test(id) ? BigInt(id) : 0n;
  return sequence > LARGEST_SEQUENCE ? 0n : sequence;
}

function writeEnvelope({ method, sequence, error }: Envelope): Uint8Array {
  const writer = new BinaryWriter();
  // As in proto3, a field that says nothing is left out.
  if (method !== '') writer.tag(METHOD, WireType.LengthDelimited).string(method);
  if (sequence !== 0n) writer.tag(SEQUENCE, WireType.Bit64).fixed64(sequence);
  if (error !== '') writer.tag(ERROR, WireType.LengthDelimited).string(error);
  return writer.finish();
}

function readEnvelope(bytes: Uint8Array): Envelope {
  const reader = new BinaryReader(bytes);
  let method = '';
  let sequence = 0n;
  let error = '';
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === METHOD && wireType === WireType.LengthDelimited) method = reader.string();
    else if (field === SEQUENCE && wireType === WireType.Bit64) sequence = BigInt(reader.fixed64());
    else if (field === ERROR && wireType === WireType.LengthDelimited) error = reader.string();
    else reader.skip(wireType, field);
  }
  return { method, sequence, error };
}

function join(envelope: Uint8Array, body: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(2 * LENGTH_BYTES + envelope.length + body.length);
  bytes.writeUInt32BE(envelope.length, 0);
  bytes.set(envelope, LENGTH_BYTES);
  bytes.writeUInt32BE(body.length, LENGTH_BYTES + envelope.length);
  bytes.set(body, 2 * LENGTH_BYTES + envelope.length);
  return bytes;
}

function split(bytes: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const envelope = stringAt(bytes, 0);
  const bodyStart = LENGTH_BYTES + envelope.length;
  if (bodyStart === bytes.length) return [envelope, EMPTY];
  const body = stringAt(bytes, bodyStart);
  const rest = bytes.length - bodyStart - LENGTH_BYTES - body.length;
  if (rest > 0) throw new Error(`${rest} bytes follow the message`);
  return [envelope, body];
}

function stringAt(bytes: Uint8Array, start: number): Uint8Array {
  const present = bytes.length - start - LENGTH_BYTES;
  if (present < 0) throw new Error(`a length is missing at position ${start}`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(start);
  if (length > present) throw new Error(`a length says ${length} bytes and ${present} follow`);
  return bytes.subarray(start + LENGTH_BYTES, start + LENGTH_BYTES + length);
}
