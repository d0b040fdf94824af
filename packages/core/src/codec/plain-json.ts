import { randomUUID } from 'node:crypto';

/**
 * A value as JSON text, `undefined` for what JSON has no text for. A bigint becomes a bare integer without loss, as Go
 * writes an int64. Throws what `JSON.stringify` throws.
 */
export function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    // JSON.stringify refuses bigints with a TypeError, so nobody without one pays for them. A circle throws again below.
    if (!(cause instanceof TypeError)) throw cause;
    return stringifyWithBigints(value);
  }
}

function stringifyWithBigints(value: unknown): string | undefined {
  // Node 20 has no JSON.rawJSON. The mark is made for this call alone, so no string of the value can hold it.
  const mark = randomUUID();
  const text: string | undefined = JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'bigint' ? mark + part : part,
  );
  return text?.replace(new RegExp(`"${mark}(-?[0-9]+)"`, 'g'), '$1');
}

/** Bytes as text. What is not UTF-8 becomes U+FFFD, as Go's decoder does. */
export function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString('utf8');
}
