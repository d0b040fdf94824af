/** JSON as it came over the wire or from the user: passed on and printed without losing a digit of a long integer. */
export class JsonText {
  readonly text: string;
  /** The text has to be valid JSON: it is not looked at. */
  constructor(text: string) {
    this.text = text;
  }
}

/** Valid JSON, cut into its brackets, commas, colons, and values as they are written. */
export function jsonPieces(text: string): readonly string[] {
  const pieces: string[] = [];
  // White space between is no part of it.
  const next = /"|[{}[\],:]|[^\s{}[\],:"]+/g;
  for (let found = next.exec(text); found !== null; found = next.exec(text)) {
    if (found[0] === '"') next.lastIndex = endOfString(text, found.index);
    pieces.push(text.slice(found.index, next.lastIndex));
  }
  return pieces;
}

/**
 * Where the string of JSON that begins at a position ends: behind its closing quote, or with the text. A pattern for it
 * would remember every step, and overflow with a string of some megabytes.
 */
export function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') return at + 1;
    if (char === '\\') at += 1;
  }
  return text.length;
}

/**
 * Valid JSON on one line, or over several with so many spaces of indentation, as `JSON.stringify` lays it out. Only white
 * space changes: numbers and strings stay as they are written.
 */
export function layOutJson(text: string, spaces = 0): string {
  const pieces = jsonPieces(text);
  if (spaces === 0) return pieces.join('');
  let depth = 0;
  let out = '';
  const line = (): string => `\n${' '.repeat(spaces * depth)}`;
  pieces.forEach((piece, at) => {
    const closes = piece === '}' || piece === ']';
    if (closes) depth -= 1;
    const before = pieces[at - 1];
    const isEmpty = closes && (before === '{' || before === '[');
    if ((closes && !isEmpty) || before === ',' || (!closes && (before === '{' || before === '['))) out += line();
    out += piece === ':' ? ': ' : piece;
    if (piece === '{' || piece === '[') depth += 1;
  });
  return out;
}
