/*
 * How the file store's records stand in the one sorted space of keys that the engine offers:
 *
 *   f                                      the number of this format
 *   m <scope> <key>                        when the record ends (float64, 0 is never), then its metadata as JSON
 *   v <scope> <key>                        its value
 *   e <when, uint64> <scope> <key>         only where it ends: what to remove, in the order in which it has to go
 *
 * A scope is the database and the table, each behind its length, so that no name can reach into another scope. What is
 * small stands apart from the values: listing keys reads no value.
 */

/** The key of the format's number. */
export const FORMAT_KEY: Uint8Array = Buffer.from('f');

/** The number of this format. */
export const FORMAT: Uint8Array = Buffer.from('1');

const META = 0x6d;
const VALUE = 0x76;
const END = 0x65;
const END_BYTES = 8;

/** What stands beside a value. */
export interface RecordMeta {
  /** In milliseconds since the epoch; 0 is never. */
  readonly expiresAt: number;
  /** As JSON; `undefined` when there is none. */
  readonly metadata: string | undefined;
}

/** The bytes that a scope's keys begin with, after the kind. */
export function scopeBytes({ database, table }: { readonly database: string; readonly table: string }): Uint8Array {
  return Buffer.concat([database, table].flatMap((name) => [uint16(Buffer.byteLength(name)), Buffer.from(name)]));
}

/** The bytes of a scope and one of its keys. */
export function recordId(scope: Uint8Array, key: string): Uint8Array {
  return Buffer.concat([scope, Buffer.from(key)]);
}

/** Where the end and the metadata of a record stand. */
export function metaKey(id: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.of(META), id]);
}

/** Where the value of a record stands. */
export function valueKey(id: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.of(VALUE), id]);
}

/** Where it is noted that a record ends. */
export function endKey(id: Uint8Array, expiresAt: number): Uint8Array {
  const head = Buffer.alloc(1 + END_BYTES);
  head.writeUInt8(END);
  head.writeBigUInt64BE(wholeMs(expiresAt), 1);
  return Buffer.concat([head, id]);
}

/** The ends that have passed: from the first one to the last of this moment. */
export function endedRange(time: number): { readonly gte: Uint8Array; readonly lt: Uint8Array } {
  return { gte: Buffer.of(END), lt: endKey(new Uint8Array(), time + 1) };
}

/** The record that a key of `endKey` speaks of. */
export function idOfEndKey(key: Uint8Array): Uint8Array {
  return key.subarray(1 + END_BYTES);
}

/** The keys of `metaKey` whose records are in a scope and begin with a prefix. */
export function metaRange(scope: Uint8Array, prefix: string): { readonly gte: Uint8Array; readonly lt: Uint8Array } {
  const gte = metaKey(recordId(scope, prefix));
  return { gte, lt: after(gte) };
}

/** The key of a record from its `metaKey`. */
export function keyOfMetaKey(scope: Uint8Array, key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('utf8', 1 + scope.byteLength);
}

/** Writes what stands beside a value. */
export function encodeMeta({ expiresAt, metadata = '' }: RecordMeta): Uint8Array {
  const head = Buffer.alloc(8);
  head.writeDoubleBE(expiresAt);
  return Buffer.concat([head, Buffer.from(metadata)]);
}

/** Reads what `encodeMeta` wrote; throws for anything shorter. */
export function decodeMeta(bytes: Uint8Array): RecordMeta {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    expiresAt: view.readDoubleBE(),
    metadata: view.byteLength === 8 ? undefined : view.toString('utf8', 8),
  };
}

/** The first key that sorts after all that begin with these bytes; the kind in front is never 255. */
function after(prefix: Uint8Array): Uint8Array {
  const last = prefix.findLastIndex((byte) => byte < 0xff);
  const end = Buffer.from(prefix.subarray(0, last + 1));
  end.writeUInt8(end.readUInt8(last) + 1, last);
  return end;
}

function uint16(value: number): Uint8Array {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** An end beyond what 64 bits hold is as good as the last one. */
function wholeMs(time: number): bigint {
  return time >= Number.MAX_SAFE_INTEGER ? BigInt(Number.MAX_SAFE_INTEGER) : BigInt(Math.floor(time));
}
