import { CODE, type MicroError } from '@micro/core';
import { cacheError, shown } from '@micro/core/plugin';

/**
 * A value as go-micro's Redis cache writes it: text and bytes as they are, numbers in decimal without an exponent, truth as
 * 1 or 0, nothing as the empty text, a date in RFC 3339. Anything else is a 400: Go has no text for it either.
 */
export function encodeValue(key: string, value: unknown): string | Buffer {
  switch (typeof value) {
    case 'string':
      // Written as UTF-8, half a character would be another one.
      if (/\p{Surrogate}/u.test(value)) throw refused(key, 'has half a surrogate pair; put whole characters, or bytes');
      return value;
    case 'number':
      return decimal(value);
    case 'bigint':
      return value.toString();
    case 'boolean':
      return value ? '1' : '0';
    case 'undefined':
      return '';
    case 'object':
      return encodeObject(key, value);
    default:
      throw refused(key, `is a ${typeof value}; put text, bytes or a number`);
  }
}

function encodeObject(key: string, value: object | null): string | Buffer {
  if (value === null) return '';
  // Copied, so that what a caller does to the bytes later changes nothing.
  if (ArrayBuffer.isView(value)) return Buffer.copyBytesFrom(bytesOf(value));
  if (value instanceof ArrayBuffer) return Buffer.from(value.slice(0));
  if (value instanceof Date) return rfc3339(key, value);
  throw refused(key, 'is an object, which redis has no text for; put JSON.stringify(value), or bytes');
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The shortest decimal that is the same number, as Go's `FormatFloat(value, 'f', -1, 64)` writes it. */
function decimal(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const [, sign = '', whole = '', fraction = '', exponent] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? [];
  if (exponent === undefined) return String(value);
  // JavaScript writes an exponent from 1e21 on and below 1e-6. The digits are those of the shortest decimal all the same.
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, '0')}`;
}

/** Go's RFC3339Nano: no zeros at the end of the fraction, and no fraction of zero. */
function rfc3339(key: string, date: Date): string {
  const year = date.getUTCFullYear();
  if (Number.isNaN(year) || year < 0 || year > 9_999) throw refused(key, 'is a date that RFC 3339 has no text for');
  return date.toISOString().replace(/\.?0*Z$/, 'Z');
}

function refused(key: string, why: string): MicroError {
  return cacheError(CODE.badRequest, `the value of ${shown(key)} ${why}`);
}
