import type { StoreRecord } from '@micro/core';
import type { CheckedRecord } from '@micro/core/plugin';

/**
 * How records are laid out in LMDB, which sorts its keys by their bytes.
 *
 *   key    length of the database's name (1 byte), the name, length of the table's (1), the name, the key of the record
 *   value  when it ends (8 bytes, milliseconds since the epoch, 0 for never), length of the metadata (4), the metadata as
 *          JSON, the value
 */

/** LMDB's limit with its usual pages is 1,978 bytes. A record's key has what two names of 255 bytes leave of it. */
export const MAX_KEY_BYTES = 1_466;

const ENDS_AT = 0;
const METADATA_LENGTH = 8;
const HEAD_BYTES = 12;

/** What the keys of all records of a table begin with, so that no name can reach into another table. */
export function tablePrefix({ database, table }: { readonly database: string; readonly table: string }): Buffer {
  const [first, second] = [Buffer.from(database), Buffer.from(table)];
  return Buffer.concat([Uint8Array.of(first.length), first, Uint8Array.of(second.length), second]);
}

/** A key behind all those that begin with `prefix`: what follows is UTF-8, in which no byte is 255. */
export function endOf(prefix: Buffer): Buffer {
  return Buffer.concat([prefix, Uint8Array.of(255)]);
}

/** A record as one value. */
export function pack({ value, metadata, ttlMs }: CheckedRecord, now: number): Buffer {
  const json = Buffer.from(metadata ?? '');
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeDoubleBE(ttlMs === 0 ? 0 : now + ttlMs, ENDS_AT);
  head.writeUInt32BE(json.length, METADATA_LENGTH);
  return Buffer.concat([head, json, value]);
}

/** When a value ends, in milliseconds since the epoch; `undefined` for never, and for what is no value of ours. */
function endsAt(packed: Uint8Array): number | undefined {
  if (packed.length < HEAD_BYTES) return undefined;
  const end = viewOf(packed).getFloat64(ENDS_AT);
  return end === 0 ? undefined : end;
}

/** The record in a value, a copy of it. Throws for bytes that no store of this kind has written. */
export function unpack(key: string, packed: Uint8Array): StoreRecord {
  const length = packed.length < HEAD_BYTES ? Number.POSITIVE_INFINITY : viewOf(packed).getUint32(METADATA_LENGTH);
  if (HEAD_BYTES + length > packed.length) throw new Error(`${JSON.stringify(key)} holds no record`);
  const value = new Uint8Array(packed.subarray(HEAD_BYTES + length));
  const json = Buffer.from(packed.subarray(HEAD_BYTES, HEAD_BYTES + length)).toString();
  const expiresAt = endsAt(packed);
  return {
    key,
    value,
    ...(json === '' ? {} : { metadata: JSON.parse(json) }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

/** Whether a value has ended. */
export function hasEnded(packed: Uint8Array, now: number): boolean {
  const end = endsAt(packed);
  return end !== undefined && end <= now;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
