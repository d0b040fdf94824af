import type { Value } from '@micro/core';
import { JsonText, jsonPieces } from '../program/json-text.ts';

/**
 * An answer as its type has it, where the registry says what that is. JSON of protobuf leaves out what is zero and writes
 * 64-bit integers as texts, and JSON of Go leaves out what is zero: here the zeros of numbers, texts, truth values and lists
 * are there, and integers are integers, with all their digits. What the registry knows nothing of stays as it came.
 *
 * The registry does not tell a field that is `optional` in a `.proto` from one that is not: it is shown as zero, too.
 */
export function shapeAnswer(answer: JsonText, type: Value | undefined): JsonText {
  if (type === undefined || type.values.length === 0) return answer;
  return new JsonText(textOf(shaped(parse(answer.text), type)));
}

/** JSON whose numbers and texts are as they were written. */
type Json = string | readonly Json[] | ReadonlyMap<string, Json>;

function shaped(json: Json, { type, values }: Value): Json {
  if (Array.isArray(json)) {
    const element = { name: '', type: type.replace(/^\[\]/, ''), values };
    return json.map((item: Json) => shaped(item, element));
  }
  if (json instanceof Map) return values.length === 0 ? json : shapedObject(json, values);
  return /^u?int64$/.test(type) && /^"-?\d+"$/.test(String(json)) ? String(json).slice(1, -1) : json;
}

/** Declared fields in their order, then whatever else came. */
function shapedObject(object: ReadonlyMap<string, Json>, fields: readonly Value[]): Json {
  // Go's encoding/json keeps the names of the .proto, protobuf's JSON writes them in lowerCamelCase.
  const goNames = fields.some(({ name }) => name !== camelCase(name) && object.has(quoted(name)));
  const rest = new Map(object);
  const result = new Map<string, Json>();
  for (const field of fields) {
    const key = quoted(goNames ? field.name : camelCase(field.name));
    const value = object.get(key);
    const zero = zeroOf(field.type);
    rest.delete(key);
    if (value !== undefined) result.set(key, shaped(value, field));
    else if (zero !== undefined) result.set(key, zero);
  }
  for (const [key, value] of rest) result.set(key, value);
  return result;
}

function zeroOf(type: string): string | undefined {
  if (/^(?:u?int(?:8|16|32|64)?|float(?:32|64))$/.test(type)) return '0';
  if (type === 'string' || type === '[]uint8') return '""';
  if (type === 'bool') return 'false';
  return type.startsWith('[]') ? '[]' : undefined;
}

/** As protobuf names a field in JSON. */
function camelCase(name: string): string {
  return name.replaceAll(/_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase()).replaceAll('_', '');
}

function quoted(name: string): string {
  return JSON.stringify(name);
}

/** Reads JSON that is valid; keys keep their quotes. */
function parse(text: string): Json {
  const pieces = jsonPieces(text);
  let at = 0;
  function value(): Json {
    const piece = pieces[at++] ?? 'null';
    if (piece !== '{' && piece !== '[') return piece;
    const end = piece === '{' ? '}' : ']';
    const members = new Map<string, Json>();
    const items: Json[] = [];
    while (at < pieces.length && pieces[at] !== end) {
      if (pieces[at] === ',') at++;
      else if (end === ']') items.push(value());
      else {
        const key = pieces[at] ?? '';
        at += 2;
        members.set(key, value());
      }
    }
    at++;
    return end === '}' ? members : items;
  }
  return value();
}

function textOf(json: Json): string {
  if (typeof json === 'string') return json;
  if (json instanceof Map) return `{${[...json].map(([key, value]) => `${key}:${textOf(value)}`).join(',')}}`;
  return `[${(json as readonly Json[]).map(textOf).join(',')}]`;
}
