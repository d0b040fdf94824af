const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * The members of a JSON object as they are written, for the names that are wanted; of a repeated name the last one. For
 * reading around a value that must not lose anything by being parsed here. Only the structure is checked: whoever uses a
 * member parses it. Throws when the text is no object.
 */
export function rawMembers(text: string, wanted: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const begin = skipSpace(text, 0);
  if (text.charAt(begin) !== '{') throw new Error('it is no JSON object');
  let at = skipSpace(text, begin + 1);
  if (text.charAt(at) === '}') return atEnd(text, at + 1, found);
  for (;;) {
    if (text.charAt(at) !== '"') throw new Error(`a name is missing at position ${at}`);
    const nameEnd = endOfString(text, at);
    const name: unknown = JSON.parse(text.slice(at, nameEnd));
    at = skipSpace(text, nameEnd);
    if (text.charAt(at) !== ':') throw new Error(`a colon is missing at position ${at}`);
    const valueStart = skipSpace(text, at + 1);
    const valueEnd = endOfValue(text, valueStart);
    if (typeof name === 'string' && wanted.includes(name)) found.set(name, text.slice(valueStart, valueEnd));
    at = skipSpace(text, valueEnd);
    const next = text.charAt(at);
    if (next === '}') return atEnd(text, at + 1, found);
    if (next !== ',') throw new Error(`a comma is missing at position ${at}`);
    at = skipSpace(text, at + 1);
  }
}

/** The first element of a JSON list as it is written; `undefined` when the list is empty. Throws when it is no list. */
export function rawFirstElement(text: string): string | undefined {
  const begin = skipSpace(text, 0);
  if (text.charAt(begin) !== '[') throw new Error('it is no JSON list');
  const start = skipSpace(text, begin + 1);
  return text.charAt(start) === ']' ? undefined : text.slice(start, endOfValue(text, start));
}

/** Where the string that begins at `start` ends, behind its quote. The end of the text when it never does. */
export function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) return at + 1;
    at += char === BACKSLASH ? 2 : 1;
  }
  return text.length;
}

function endOfValue(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '"') {
      at = endOfString(text, at);
      if (depth === 0) return at;
      continue;
    }
    if (depth === 0 && at > start && ',]} \t\r\n'.includes(char)) return at;
    if (char === '{' || char === '[') depth++;
    if (char === '}' || char === ']') {
      depth--;
      if (depth < 0) break;
      if (depth === 0) return at + 1;
    }
    at++;
  }
  throw new Error(`a value is missing or does not end at position ${start}`);
}

function atEnd<T>(text: string, at: number, result: T): T {
  const end = skipSpace(text, at);
  if (end < text.length) throw new Error(`something follows the object at position ${end}`);
  return result;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at++;
  return at;
}
