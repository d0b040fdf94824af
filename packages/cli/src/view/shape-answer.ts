import type { Value } from '@micro/core';
import { JsonText, jsonPieces } from '../console/json-text.ts';

/**
 * An answer as its type has it, where the registry says what that is. JSON of protobuf leaves out what is zero and writes
 * 64-bit integers as texts, and JSON of Go leaves out what is zero: here the zeros of numbers, texts, truth values and lists
 * are there, and integers are integers, with all their digits. What the registry knows nothing of, and what is not as it
 * says, stays as it came.
 *
 * The registry does not tell a field that is `optional` in a `.proto` from one that is not: it is shown as zero, too.
 */
export function shapeAnswer(answer: JsonText, type: Value | undefined): JsonText {
  if (type === undefined || type.values.length === 0) return answer;
  return new JsonText(shaped(jsonPieces(answer.text), type));
}

/** The pieces of one value of JSON. */
type Pieces = readonly string[];

/** No deeper than the type, however deep the value is. */
function shaped(pieces: Pieces, { type, values }: Value): string {
  const [first] = pieces;
  const members = first === '{' && values.length > 0 ? membersOf(pieces) : undefined;
  if (members !== undefined) return shapedObject(members, values);
  return (isLong(pieces, type) ? pieces.map(integerOf) : pieces).join('');
}

/** Declared fields in their order, then whatever else came. */
function shapedObject(members: ReadonlyMap<string, Member>, fields: readonly Value[]): string {
  // Go's encoding/json keeps the names of the .proto, protobuf's JSON writes them in lowerCamelCase.
  const goNames = fields.some(({ name }) => name !== camelCase(name) && members.has(name));
  const result = new Map<string, string>();
  for (const field of fields) {
    const name = goNames ? field.name : camelCase(field.name);
    const member = members.get(name);
    const zero = zeroOf(field.type);
    if (member !== undefined) result.set(name, `${member.key}:${shaped(member.value, field)}`);
    else if (zero !== undefined) result.set(name, `${JSON.stringify(name)}:${zero}`);
  }
  for (const [name, { key, value }] of members) {
    if (!result.has(name)) result.set(name, `${key}:${value.join('')}`);
  }
  return `{${[...result.values()].join(',')}}`;
}

function zeroOf(type: string): string | undefined {
  if (/^(?:u?int(?:8|16|32|64)?|float(?:32|64))$/.test(type)) return '0';
  if (type === 'string' || type === '[]uint8') return '""';
  if (type === 'bool') return 'false';
  return type.startsWith('[]') ? '[]' : undefined;
}

/** Whether a value is a 64-bit integer, or a list of them, as its type says. */
function isLong([first, ...more]: Pieces, type: string): boolean {
  if (first === '[') return /^\[\]u?int64$/.test(type) && !more.some((piece) => piece === '[' || piece === '{');
  return first !== '{' && /^u?int64$/.test(type);
}

/** An integer that is written as a text, as one. Nothing else of JSON looks like it. */
function integerOf(piece: string): string {
  return /^"-?(?:0|[1-9]\d*)"$/.test(piece) ? piece.slice(1, -1) : piece;
}

/** As protobuf names a field in JSON. */
function camelCase(name: string): string {
  return name.replaceAll(/_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase()).replaceAll('_', '');
}

/** A member of an object. */
interface Member {
  /** Its name as it is written. */
  readonly key: string;
  readonly value: Pieces;
}

/**
 * The members of an object by their names. `undefined` for one that no type describes: with a name twice, or with the name
 * of another type, as protobuf writes an `Any`.
 */
function membersOf(pieces: Pieces): ReadonlyMap<string, Member> | undefined {
  const members = new Map<string, Member>();
  for (let at = 1; at < pieces.length - 1; ) {
    const key = pieces[at] ?? '';
    const name = String(JSON.parse(key));
    const end = endOfValue(pieces, at + 2);
    if (name === '@type' || members.has(name)) return undefined;
    members.set(name, { key, value: pieces.slice(at + 2, end) });
    // Behind the comma.
    at = end + 1;
  }
  return members;
}

function endOfValue(pieces: Pieces, start: number): number {
  let depth = 0;
  for (let at = start; at < pieces.length; at++) {
    const piece = pieces[at];
    if (piece === '{' || piece === '[') depth += 1;
    if (piece === '}' || piece === ']') depth -= 1;
    if (depth === 0) return at + 1;
  }
  return pieces.length;
}
