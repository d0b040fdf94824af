import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import type { Endpoint, MessageType } from '../contract/definition.ts';
import type { RegisteredEndpoint, Value } from '../contract/registry.ts';
import { goCamelCase } from '../util/go-name.ts';
import { goTypeName } from './describe-proto.ts';

/** go-micro's extractor shows a message, its fields, and their fields; nothing below. */
const LEVELS = 3;

const GO_TYPES: Readonly<Record<ScalarType, string>> = {
  [ScalarType.DOUBLE]: 'float64',
  [ScalarType.FLOAT]: 'float32',
  [ScalarType.INT64]: 'int64',
  [ScalarType.UINT64]: 'uint64',
  [ScalarType.INT32]: 'int32',
  [ScalarType.FIXED64]: 'uint64',
  [ScalarType.FIXED32]: 'uint32',
  [ScalarType.BOOL]: 'bool',
  [ScalarType.STRING]: 'string',
  [ScalarType.BYTES]: '[]uint8',
  [ScalarType.UINT32]: 'uint32',
  [ScalarType.SFIXED32]: 'int32',
  [ScalarType.SFIXED64]: 'int64',
  [ScalarType.SINT32]: 'int32',
  [ScalarType.SINT64]: 'int64',
};

/** What the registry calls the three kinds of streams. */
const STREAM_KINDS = { serverStream: 'server', clientStream: 'client', bidiStream: 'bidi' } as const;

/**
 * What the registry says about an endpoint, as go-micro's server says it: the shapes of request and response, and for a
 * stream `stream: "true"` in its metadata. go-micro shows the names of Go's parameters, `Context` and `Stream`, in place of
 * the messages of a stream; here they are those that travel, and `stream_kind` says which side streams: `server`, `client`
 * or `bidi`. A message without a descriptor has a name alone.
 *
 * `more` is metadata by wire name or method name, as `HandleOptions.endpointMetadata`; it goes over the endpoint's own, and
 * of the two names the wire's wins.
 */
export function registeredEndpoint(
  endpoint: Endpoint,
  more: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
): RegisteredEndpoint {
  return {
    name: endpoint.name,
    request: messageValue(endpoint.input),
    response: messageValue(endpoint.output),
    metadata: {
      ...endpoint.metadata,
      ...ownEntry(more, endpoint.method),
      ...ownEntry(more, endpoint.name),
      ...(endpoint.kind === 'unary' ? {} : { stream: 'true', stream_kind: STREAM_KINDS[endpoint.kind] }),
    },
  };
}

/** The shape of a message: of what has a descriptor its fields, of anything else its name. */
export function messageValue(type: MessageType): Value {
  if (type.proto === undefined) return leaf(type.name, '');
  return { name: type.name, type: type.name, values: fieldValues(type.proto, 1) };
}

function fieldValues(desc: DescMessage, level: number): readonly Value[] {
  if (level === LEVELS) return [];
  // As in Go's struct: the fields in the order they are declared in, each oneof as one field where its first member stands.
  return desc.members.map((member) => {
    if (member.kind === 'field') return fieldValue(member, level);
    const goInterface = `is${goTypeName(desc)}_${goCamelCase(member.name)}`;
    return leaf(goInterface, goInterface);
  });
}

function fieldValue(field: DescField, level: number): Value {
  switch (field.fieldKind) {
    case 'map':
      return leaf(field.name, '');
    case 'list':
      // Go has no name for the type of a list of bytes.
      return leaf(field.name, field.scalar === ScalarType.BYTES ? '[]' : `[]${elementType(field)}`);
    default: {
      const values = field.message === undefined ? [] : fieldValues(field.message, level + 1);
      return { name: field.name, type: elementType(field), values };
    }
  }
}

function elementType(field: DescField): string {
  if (field.message !== undefined) return goTypeName(field.message);
  if (field.enum !== undefined) return goTypeName(field.enum);
  return field.scalar === undefined ? '' : GO_TYPES[field.scalar];
}

function leaf(name: string, type: string): Value {
  return { name, type, values: [] };
}

function ownEntry<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
