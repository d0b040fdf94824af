import type { DescMessage, DescMethod, DescService } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import type { Definition, Endpoint, Kind, MessageType } from '../contract/definition.ts';
import type { MethodsOf } from '../contract/typed.ts';
import { goCamelCase } from '../util/go-name.ts';

const KINDS: Readonly<Record<DescMethod['methodKind'], Kind>> = {
  unary: 'unary',
  client_streaming: 'clientStream',
  server_streaming: 'serverStream',
  bidi_streaming: 'bidiStream',
};

const definitions = new WeakMap<DescService, Definition>();
const types = new WeakMap<DescMessage, MessageType>();

/**
 * The definition of a protobuf-es service descriptor, the same object each time. Names are what protoc-gen-micro makes of
 * them: `Helloworld.Call` for `rpc Call` of `service Helloworld`, the package left out. A method with an idempotency level
 * is idempotent.
 */
export function describeProto<Service extends DescService>(service: Service): Definition<MethodsOf<Service>> {
  let definition = definitions.get(service);
  if (definition === undefined) {
    const name = goCamelCase(service.name);
    definition = { name, endpoints: service.methods.map((method) => endpointOf(name, method)) };
    definitions.set(service, definition);
  }
  // The type parameter stands for nothing that is there.
  return definition as Definition<MethodsOf<Service>>;
}

/**
 * The type of a protobuf message, the same object each time, under the name that protoc-gen-go gives it (`Outer_Inner`).
 */
export function protoMessageType(desc: DescMessage): MessageType {
  let type = types.get(desc);
  if (type === undefined) {
    type = { name: goTypeName(desc), proto: desc };
    types.set(desc, type);
  }
  return type;
}

/** What protoc-gen-go calls a message or an enum: its name within its package, `Outer_Inner` for a nested one. */
export function goTypeName(desc: {
  readonly typeName: string;
  readonly file: { readonly proto: { readonly package: string } };
}): string {
  const { package: packageName } = desc.file.proto;
  return goCamelCase(packageName === '' ? desc.typeName : desc.typeName.slice(packageName.length + 1));
}

function endpointOf(service: string, method: DescMethod): Endpoint {
  return {
    name: `${service}.${goCamelCase(method.name)}`,
    method: method.localName,
    kind: KINDS[method.methodKind],
    input: protoMessageType(method.input),
    output: protoMessageType(method.output),
    idempotent: method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
    metadata: {},
    proto: method,
  };
}
