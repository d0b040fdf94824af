import type { Node, RegisteredEndpoint, ServiceRecord, Value } from '../contract/registry.ts';
import { CODE } from '../error/code.ts';
import { registryError } from './registry-error.ts';

/** How deep the description of a message is kept; what lies deeper is left out. */
const MAX_VALUE_DEPTH = 32;

/**
 * A copy that nobody can change, of what a caller wants registered. Throws 400 for a record without a name, for one
 * without nodes (it would say that a service runs which does not), and for a node without an id or an address.
 */
export function copyRecord(record: ServiceRecord): ServiceRecord {
  if (record.name === '')
    throw registryError(CODE.badRequest, 'a service without a name cannot be registered; give it one');
  if (record.nodes.length === 0) {
    throw registryError(CODE.badRequest, `the record of ${record.name} has no nodes; register at least one`);
  }
  for (const node of record.nodes) {
    if (node.id === '' || node.address === '') {
      const missing = node.id === '' ? 'id' : 'address';
      throw registryError(CODE.badRequest, `a node of ${record.name} has no ${missing}; give it one`);
    }
  }
  return Object.freeze({
    name: record.name,
    version: record.version,
    metadata: copyMetadata(record.metadata),
    endpoints: Object.freeze(record.endpoints.map(copyEndpoint)),
    nodes: Object.freeze(record.nodes.map(copyNode)),
  });
}

function copyNode(node: Node): Node {
  return Object.freeze({ id: node.id, address: node.address, metadata: copyMetadata(node.metadata) });
}

function copyEndpoint(endpoint: RegisteredEndpoint): RegisteredEndpoint {
  return Object.freeze({
    name: endpoint.name,
    request: endpoint.request === undefined ? undefined : copyValue(endpoint.request, 0),
    response: endpoint.response === undefined ? undefined : copyValue(endpoint.response, 0),
    metadata: copyMetadata(endpoint.metadata),
  });
}

function copyValue(value: Value, depth: number): Value {
  const values = depth < MAX_VALUE_DEPTH ? value.values.map((inner) => copyValue(inner, depth + 1)) : [];
  return Object.freeze({ name: value.name, type: value.type, values: Object.freeze(values) });
}

/** Without a prototype, since the keys come from elsewhere. */
function copyMetadata(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const copy: Record<string, string> = Object.create(null);
  for (const [key, value] of Object.entries(metadata)) copy[key] = value;
  return Object.freeze(copy);
}

/** Whether two nodes say the same. */
export function sameNode(a: Node, b: Node): boolean {
  return a === b || (a.id === b.id && a.address === b.address && sameMetadata(a.metadata, b.metadata));
}

/** Whether two versions' endpoints say the same, in the same order. */
export function sameEndpoints(a: readonly RegisteredEndpoint[], b: readonly RegisteredEndpoint[]): boolean {
  return a === b || (a.length === b.length && a.every((endpoint, index) => sameEndpoint(endpoint, b[index])));
}

function sameEndpoint(a: RegisteredEndpoint, b: RegisteredEndpoint | undefined): boolean {
  return (
    b !== undefined &&
    a.name === b.name &&
    sameValue(a.request, b.request) &&
    sameValue(a.response, b.response) &&
    sameMetadata(a.metadata, b.metadata)
  );
}

function sameValue(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return (
    a.name === b.name &&
    a.type === b.type &&
    a.values.length === b.values.length &&
    a.values.every((value, index) => sameValue(value, b.values[index]))
  );
}

/** Whether two sets of metadata say the same, in any order. */
export function sameMetadata(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]);
}
