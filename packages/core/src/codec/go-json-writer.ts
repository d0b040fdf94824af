import { type DescField, type DescMessage, type Message, toJson } from '@bufbuild/protobuf';
import {
  isReflectList,
  isReflectMap,
  isReflectMessage,
  type ReflectMessage,
  reflect,
} from '@bufbuild/protobuf/reflect';
import { goCamelCase } from '../util/go-name.ts';

/**
 * A message as Go's `encoding/json` writes the generated struct: names as they are declared, 64-bit integers as bigints for
 * bare numbers, enums as numbers, timestamps and the like as structs, a oneof nested under its Go names. Go reads nothing
 * else with `encoding/json`, and no oneof at all.
 */
export function toGoJson(desc: DescMessage, message: Message): unknown {
  return structOf(reflect(desc, message));
}

function structOf(message: ReflectMessage): unknown {
  switch (message.desc.typeName) {
    case 'google.protobuf.Struct':
    case 'google.protobuf.Value':
    case 'google.protobuf.ListValue':
      // The only ones whose Go types write themselves.
      return toJson(message.desc, message.message);
  }
  // No prototype, so that a field of any name is a field.
  const json: Record<string, unknown> = Object.create(null);
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const value = fieldJson(field, message.get(field));
    if (field.oneof === undefined) json[field.name] = value;
    else json[goCamelCase(field.oneof.name)] = { [goCamelCase(field.name)]: value };
  }
  return json;
}

function fieldJson(field: DescField, value: unknown): unknown {
  if (isReflectMessage(value)) return structOf(value);
  if (isReflectList(value)) return [...value].map((item) => fieldJson(field, item));
  if (isReflectMap(value)) {
    const json: Record<string, unknown> = Object.create(null);
    for (const [key, item] of value) json[String(key)] = fieldJson(field, item);
    return json;
  }
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}
