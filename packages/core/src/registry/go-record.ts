import type { Node, RegisteredEndpoint, ServiceRecord, Value } from '../contract/registry.ts';
import { compareCodePoints } from '../util/code-points.ts';

/** How deep the description of a message is read; a longer nest would only exhaust the stack. */
const MAX_VALUE_DEPTH = 32;

/** A record as the JSON that go-micro's registries keep (`registry.Service`): any Go peer reads it. */
export function encodeRecord({ name, version, metadata, endpoints, nodes }: ServiceRecord): string {
  return JSON.stringify({
    name,
    version,
    metadata: goMetadata(metadata),
    endpoints: endpoints.length === 0 ? null : endpoints.map(goEndpoint),
    nodes: nodes.map((node) => ({ id: node.id, address: node.address, metadata: goMetadata(node.metadata) })),
  });
}

/**
 * Reads what `encodeRecord` and go-micro write; `null` stands for every map and list that is empty there, and the names of
 * fields count in any case. `undefined` for anything else, since it comes from outside: no JSON, no name, no node with an
 * id and an address. The record is frozen, and its metadata have no prototype.
 */
export function decodeRecord(text: string): ServiceRecord | undefined {
  const fields = fieldsOf(parse(text));
  const name = textOf(fields.get('name'));
  const nodes = listOf(fields.get('nodes')).flatMap(readNode);
  if (name === '' || nodes.length === 0) return undefined;
  return Object.freeze({
    name,
    version: textOf(fields.get('version')),
    metadata: readMetadata(fields.get('metadata')),
    endpoints: readEndpoints(fields.get('endpoints')),
    nodes: Object.freeze(nodes),
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readNode(json: unknown): readonly Node[] {
  const fields = fieldsOf(json);
  const id = textOf(fields.get('id'));
  const address = textOf(fields.get('address'));
  if (id === '' || address === '') return [];
  return [Object.freeze({ id, address, metadata: readMetadata(fields.get('metadata')) })];
}

/** Reads a list of endpoints; what is none is left out. */
export function readEndpoints(json: unknown): readonly RegisteredEndpoint[] {
  return Object.freeze(listOf(json).flatMap(readEndpoint));
}

function readEndpoint(json: unknown): readonly RegisteredEndpoint[] {
  const fields = fieldsOf(json);
  const name = fields.get('name');
  if (typeof name !== 'string') return [];
  return [
    Object.freeze({
      name,
      request: readValue(fields.get('request'), 0),
      response: readValue(fields.get('response'), 0),
      metadata: readMetadata(fields.get('metadata')),
    }),
  ];
}

function readValue(json: unknown, depth: number): Value | undefined {
  if (!isObject(json) || depth > MAX_VALUE_DEPTH) return undefined;
  const fields = fieldsOf(json);
  const values = listOf(fields.get('values')).flatMap((inner) => readValue(inner, depth + 1) ?? []);
  return Object.freeze({
    name: textOf(fields.get('name')),
    type: textOf(fields.get('type')),
    values: Object.freeze(values),
  });
}

/** Reads metadata; what is no text is left out. */
export function readMetadata(json: unknown): Readonly<Record<string, string>> {
  const metadata: Record<string, string> = Object.create(null);
  if (isObject(json)) {
    for (const [key, value] of Object.entries(json)) if (typeof value === 'string') metadata[key] = value;
  }
  return Object.freeze(metadata);
}

/** The fields of an object by their names in lower case, since Go reads them in any case. None for what is no object. */
export function fieldsOf(json: unknown): ReadonlyMap<string, unknown> {
  if (!isObject(json)) return NO_FIELDS;
  return new Map(Object.entries(json).map(([key, value]) => [key.toLowerCase(), value]));
}

const NO_FIELDS: ReadonlyMap<string, unknown> = new Map();

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The text that a field holds, `''` when it holds none. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** An endpoint for `JSON.stringify`. What is empty is `null`, as Go writes a nil map or slice. */
export function goEndpoint({ name, request, response, metadata }: RegisteredEndpoint): unknown {
  return {
    name,
    request: request === undefined ? null : goValue(request),
    response: response === undefined ? null : goValue(response),
    metadata: goMetadata(metadata),
  };
}

function goValue({ name, type, values }: Value): unknown {
  return { name, type, values: values.length === 0 ? null : values.map(goValue) };
}

/** Metadata for `JSON.stringify`, in the order of their keys: so Go writes a map, and the same record is the same bytes. */
export function goMetadata(metadata: Readonly<Record<string, string>>): unknown {
  const entries = Object.entries(metadata);
  if (entries.length === 0) return null;
  return Object.fromEntries(entries.sort(([one], [other]) => compareCodePoints(one, other)));
}
