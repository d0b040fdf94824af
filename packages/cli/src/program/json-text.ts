/** JSON as it came over the wire or from the user: passed on and printed without losing a digit of a long integer. */
export class JsonText {
  readonly text: string;
  /** The text has to be valid JSON: it is not looked at. */
  constructor(text: string) {
    this.text = text;
  }
}

/** What valid JSON consists of; white space between is no part of it. */
const PIECES = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** Valid JSON, cut into its brackets, commas, colons, and values as they are written. */
export function jsonPieces(text: string): readonly string[] {
  return text.match(PIECES) ?? [];
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
