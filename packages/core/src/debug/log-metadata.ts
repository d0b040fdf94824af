import type { LogFields } from '../contract/logger.ts';

/**
 * The words in the name of a field whose value is nobody's business. What a logger redacts is the logger's own secret, so
 * this list is wide.
 */
const SECRET = /authorization|cookie|credential|passw|passphrase|secret|token|api[-_]?key|private[-_]?key/i;

const REDACTED = '[redacted]';
/** At most so many fields are kept of one line, and so many characters of each. */
const MOST_FIELDS = 32;
const LONGEST_TEXT = 1_024;
/** As deep as a value is looked at. */
const DEEPEST = 4;

/**
 * The fields of a line as text, as go-micro's records have them: what is named like a secret is redacted at any depth, an
 * error becomes its message, and everything is limited. Never throws: fields may be anything.
 */
export function fieldTexts(...parts: readonly (LogFields | undefined)[]): Readonly<Record<string, string>> {
  const texts: Record<string, string> = Object.create(null);
  let count = 0;
  for (const part of parts) {
    if (part === undefined || part === null) continue;
    for (const name of Object.keys(part)) {
      if (count >= MOST_FIELDS && texts[name] === undefined) continue;
      if (texts[name] === undefined) count += 1;
      texts[name] = SECRET.test(name) ? REDACTED : textOf(part, name);
    }
  }
  return texts;
}

function textOf(fields: LogFields, name: string): string {
  try {
    const value = fields[name];
    if (typeof value === 'string') return shortened(value);
    if (value instanceof Error) return shortened(`${value.name}: ${value.message}`);
    if (typeof value !== 'object' || value === null) return shortened(String(value));
    return shortened(JSON.stringify(plain(value, 1)));
  } catch {
    return '[unreadable]';
  }
}

/** A copy without secrets, of as much as is looked at. */
function plain(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (value instanceof Error) return value.message;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEEPEST) return '[…]';
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.slice(0, MOST_FIELDS).map((item: unknown) => plain(item, depth + 1));
  if (value instanceof Date) return value.toJSON();
  const copy: Record<string, unknown> = Object.create(null);
  for (const [name, inner] of Object.entries(value).slice(0, MOST_FIELDS)) {
    copy[name] = SECRET.test(name) ? REDACTED : plain(inner, depth + 1);
  }
  return copy;
}

function shortened(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}
