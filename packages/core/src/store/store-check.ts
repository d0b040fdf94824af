import type { ListOptions, StoreRecord, StoreScope, WriteOptions } from '../contract/store.ts';
import { CODE } from '../error/code.ts';
import { isWellFormed } from '../util/code-points.ts';
import { reasonOf } from '../util/reason.ts';
import { shown } from '../util/shown.ts';
import { storeError } from './store-error.ts';

/** Where records are kept when nobody says where, as in go-micro. */
export const DEFAULT_DATABASE = 'micro';
/** Where records are kept when nobody says where, as in go-micro. */
export const DEFAULT_TABLE = 'micro';

const DEFAULT_MAX_KEY_BYTES = 4_096;
const DEFAULT_MAX_VALUE_BYTES = 16 * 1024 * 1024;
const MAX_NAME_BYTES = 255;

/** What every store that is in core may be told about its records. */
export interface StoreLimits {
  /** The longest key, in bytes of UTF-8; a longer one is a 413. Default 4,096; 0 is no limit. */
  readonly maxKeyBytes?: number | undefined;
  /** The largest value together with its metadata as JSON, in bytes; more is a 413. Default 16 MiB; 0 is no limit. */
  readonly maxValueBytes?: number | undefined;
}

/** A record that may be kept. */
export interface CheckedRecord {
  readonly key: string;
  /** A copy, which nobody else has. */
  readonly value: Uint8Array;
  /** As JSON; `undefined` when there is none. */
  readonly metadata: string | undefined;
  /** 0 is for ever. */
  readonly ttlMs: number;
}

/** Which sorted keys one read or list means. */
export interface KeyRange {
  readonly prefix: string;
  readonly suffix: string;
  readonly offset: number;
  /** `Infinity` is all. */
  readonly limit: number;
}

/** The checks of one store, which throw a 400 or a 413 for what cannot be kept. */
export interface StoreCheck {
  key(key: string): void;
  record(record: Omit<StoreRecord, 'expiresAt'>, options: WriteOptions): CheckedRecord;
}

/** Checks with these limits. */
export function storeCheck({ maxKeyBytes, maxValueBytes }: StoreLimits): StoreCheck {
  const keyLimit = limitOf('maxKeyBytes', maxKeyBytes, DEFAULT_MAX_KEY_BYTES);
  const valueLimit = limitOf('maxValueBytes', maxValueBytes, DEFAULT_MAX_VALUE_BYTES);

  const checkKey = (key: string): void => {
    checkText('a key', key);
    const bytes = Buffer.byteLength(key);
    if (bytes <= keyLimit) return;
    throw storeError(
      CODE.tooLarge,
      `the key ${shown(key)} has ${bytes} bytes; at most ${keyLimit} are allowed (maxKeyBytes)`,
    );
  };

  return {
    key: checkKey,
    record({ key, value, metadata }, { ttlMs = 0 }) {
      checkKey(key);
      if (!(value instanceof Uint8Array)) {
        throw storeError(CODE.badRequest, `the value of ${shown(key)} is no Uint8Array; encode it first`);
      }
      const json = metadata === undefined ? undefined : metadataJson(key, metadata);
      const bytes = value.byteLength + (json === undefined ? 0 : Buffer.byteLength(json));
      if (bytes > valueLimit) {
        const detail = `the value of ${shown(key)} has ${bytes} bytes with its metadata; at most ${valueLimit} are allowed (maxValueBytes)`;
        throw storeError(CODE.tooLarge, detail);
      }
      return { key, value: new Uint8Array(value), metadata: json, ttlMs: checkTtl(key, ttlMs) };
    },
  };
}

/** The database and the table that a call means. Names are opaque: a `/` or a `..` in them means nothing. */
export function scopeOf(
  scope: StoreScope,
  defaults: StoreScope,
): { readonly database: string; readonly table: string } {
  const database = scope.database ?? defaults.database ?? DEFAULT_DATABASE;
  const table = scope.table ?? defaults.table ?? DEFAULT_TABLE;
  checkName('a database', database);
  checkName('a table', table);
  return { database, table };
}

/** The part of the sorted keys that a call means. */
export function rangeOf({ prefix = '', suffix = '', limit, offset }: ListOptions): KeyRange {
  // The empty text is the beginning and the end of every key.
  if (prefix !== '') checkText('a prefix', prefix);
  if (suffix !== '') checkText('a suffix', suffix);
  return { prefix, suffix, offset: checkCount('offset', offset ?? 0), limit: limitOf('limit', limit, 0) };
}

/** A numeric option: `undefined` is its default, 0 is no limit. */
export function limitOf(name: string, given: number | undefined, fallback: number): number {
  const limit = checkCount(name, given ?? fallback);
  return limit === 0 ? Number.POSITIVE_INFINITY : limit;
}

/** The metadata as it was given. */
export function parseMetadata(json: string | undefined): StoreRecord['metadata'] {
  return json === undefined ? undefined : JSON.parse(json);
}

function checkCount(name: string, count: number): number {
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw storeError(CODE.badRequest, `${name} is ${count}; it has to be a whole number from 0 on`);
}

function checkTtl(key: string, ttlMs: number): number {
  if (Number.isFinite(ttlMs) && ttlMs >= 0) return ttlMs;
  // A time that is over already would otherwise be a record that never ends, or one that vanishes without a word.
  throw storeError(CODE.badRequest, `the ttlMs of ${shown(key)} is ${ttlMs}; give a positive number, or 0 for no end`);
}

function checkName(what: string, name: string): void {
  checkText(what, name);
  const bytes = Buffer.byteLength(name);
  if (bytes <= MAX_NAME_BYTES) return;
  throw storeError(
    CODE.tooLarge,
    `the name ${shown(name)} of ${what} has ${bytes} bytes; at most ${MAX_NAME_BYTES} are allowed`,
  );
}

function checkText(what: string, text: string): void {
  if (typeof text !== 'string' || text === '') {
    throw storeError(CODE.badRequest, `${what} is ${text === '' ? 'empty' : typeof text}; give it a text`);
  }
  if (!isWellFormed(text)) {
    throw storeError(
      CODE.badRequest,
      `${what} is ${shown(text)}, which has half a surrogate pair; give it whole characters`,
    );
  }
}

function metadataJson(key: string, metadata: Readonly<Record<string, unknown>>): string {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw storeError(CODE.badRequest, `the metadata of ${shown(key)} is no object of names and values`);
  }
  try {
    return JSON.stringify(metadata);
  } catch (cause) {
    const detail = `the metadata of ${shown(key)} cannot be written as JSON: ${reasonOf(cause)}`;
    throw storeError(CODE.badRequest, detail, cause);
  }
}
