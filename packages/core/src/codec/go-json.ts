import { create, type DescField, type DescMessage, type DescOneof, ScalarType, toJson } from '@bufbuild/protobuf';
import { DurationSchema, FieldMaskSchema, isWrapperDesc, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { goCamelCase } from '../util/go-name.ts';

/** As deep as protobuf-es reads; deeper input is refused before it can exhaust the stack. */
const DEEPEST = 100;

/**
 * Turns a message as Go's `encoding/json` writes it into protobuf's JSON, in place: timestamps, durations, field masks and
 * wrappers written as plain structs, and oneofs nested under their Go names. What is protobuf's JSON already stays as it
 * is. `plain` is the same tree as `json` with numbers where `json` has long integers as strings.
 */
export type Rewrite = (json: unknown, plain: unknown, depth: number) => unknown;

/** What reading the JSON of a message takes; worked out once per descriptor. */
export interface JsonFacts {
  /** A 64-bit integer is somewhere in it, so long integers need all their digits. */
  readonly longIntegers: boolean;
  /** `undefined` where Go's dialect and protobuf's are the same. */
  readonly rewrite: Rewrite | undefined;
}

const factsByMessage = new WeakMap<DescMessage, JsonFacts>();

/** The facts about a message. */
export function jsonFacts(desc: DescMessage): JsonFacts {
  const known = factsByMessage.get(desc);
  if (known !== undefined) return known;
  const reachable = reachableFrom(desc);
  const facts: JsonFacts = {
    longIntegers: reachable.some((message) => isAny(message) || message.fields.some(isLong)),
    rewrite: reachable.some((message) => message.oneofs.length > 0 || specialRewrite(message) !== undefined)
      ? messageRewrite(desc)
      : undefined,
  };
  factsByMessage.set(desc, facts);
  return facts;
}

function reachableFrom(desc: DescMessage): readonly DescMessage[] {
  const seen = new Set([desc]);
  // A set is iterated with what is added on the way.
  for (const message of seen) {
    for (const { message: next } of message.fields) if (next !== undefined) seen.add(next);
  }
  return [...seen];
}

function isAny(message: DescMessage): boolean {
  return message.typeName === 'google.protobuf.Any';
}

function isLong(field: DescField): boolean {
  switch (field.scalar) {
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return true;
    default:
      return false;
  }
}

/** How a message of its own JSON is rewritten; `undefined` for all others. */
function specialRewrite(desc: DescMessage): Rewrite | undefined {
  switch (desc.typeName) {
    case 'google.protobuf.Timestamp':
      return (json) => (isObject(json) ? toJson(TimestampSchema, create(TimestampSchema, secondsOf(json))) : json);
    case 'google.protobuf.Duration':
      return (json) => (isObject(json) ? toJson(DurationSchema, create(DurationSchema, secondsOf(json))) : json);
    case 'google.protobuf.FieldMask':
      return (json) => (isObject(json) ? toJson(FieldMaskSchema, create(FieldMaskSchema, pathsOf(json))) : json);
    case 'google.protobuf.Struct':
    case 'google.protobuf.Value':
    case 'google.protobuf.ListValue':
      // Numbers in free-form values are doubles, however many digits they are written with.
      return (_, plain) => plain;
    default:
      return isWrapperDesc(desc) ? wrapperRewrite(desc) : undefined;
  }
}

function secondsOf(json: Record<string, unknown>): { seconds: bigint; nanos: number } {
  const { seconds = 0, nanos = 0 } = json;
  if (typeof seconds !== 'number' && typeof seconds !== 'string') throw new Error('seconds must be an integer');
  return { seconds: BigInt(seconds), nanos: Number(nanos) };
}

function pathsOf(json: Record<string, unknown>): { paths: string[] } {
  return { paths: Array.isArray(json.paths) ? json.paths.map(String) : [] };
}

function wrapperRewrite(desc: DescMessage): Rewrite {
  const scalar = desc.fields[0]?.scalar;
  const zero =
    scalar === ScalarType.STRING || scalar === ScalarType.BYTES ? '' : scalar === ScalarType.BOOL ? false : 0;
  return (json) => (isObject(json) ? (Object.hasOwn(json, 'value') ? json.value : zero) : json);
}

function messageRewrite(desc: DescMessage): Rewrite {
  const special = specialRewrite(desc);
  if (special !== undefined) return special;
  const names = new Set(desc.fields.flatMap((field) => [field.name, field.jsonName]));
  const oneofs = desc.oneofs.map(unnest).filter(({ goName }) => !names.has(goName));
  const fields = desc.fields.flatMap((field) => {
    const { message } = field;
    return message === undefined ? [] : [{ field, rewrite: fieldRewrite(field, message) }];
  });
  return (json, plain, depth) => {
    if (!isObject(json)) return json;
    if (depth > DEEPEST) throw new Error(`nested deeper than ${DEEPEST} messages`);
    const same = isObject(plain) ? plain : json;
    for (const oneof of oneofs) {
      oneof.apply(json);
      if (same !== json) oneof.apply(same);
    }
    for (const { field, rewrite } of fields) {
      for (const name of field.name === field.jsonName ? [field.name] : [field.name, field.jsonName]) {
        if (Object.hasOwn(json, name)) json[name] = rewrite(json[name], same[name], depth + 1);
      }
    }
    return json;
  };
}

/** Go's encoding/json writes `{"BodyKind":{"PlainText":"x"}}` where protobuf's JSON has `{"plainText":"x"}`. */
function unnest(oneof: DescOneof): { goName: string; apply: (json: Record<string, unknown>) => void } {
  const goName = goCamelCase(oneof.name);
  const cases = new Map(oneof.fields.map((field) => [goCamelCase(field.name), field.name]));
  return {
    goName,
    apply(json) {
      const nested = Object.hasOwn(json, goName) ? json[goName] : undefined;
      if (!isObject(nested)) return;
      for (const [goCase, value] of Object.entries(nested)) {
        const name = cases.get(goCase);
        if (name !== undefined) json[name] = value;
      }
    },
  };
}

/** Goes through the messages of a field: its own, those of a list, or those of a map. */
function fieldRewrite(field: DescField, message: DescMessage): Rewrite {
  // Looked up when it is first needed: a message may hold itself.
  const rewrite: Rewrite = (json, plain, depth) => {
    const { rewrite: inner } = jsonFacts(message);
    return inner === undefined ? json : inner(json, plain, depth);
  };
  switch (field.fieldKind) {
    case 'list':
      return (json, plain, depth) =>
        Array.isArray(json)
          ? json.map((item: unknown, at) => rewrite(item, Array.isArray(plain) ? plain[at] : item, depth))
          : json;
    case 'map':
      return (json, plain, depth) => {
        if (!isObject(json)) return json;
        // Every key is an own property already, `__proto__` too, so nothing here reaches a prototype.
        for (const key of Object.keys(json)) {
          json[key] = rewrite(json[key], isObject(plain) ? plain[key] : json[key], depth);
        }
        return json;
      };
    default:
      return rewrite;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
