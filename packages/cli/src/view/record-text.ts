import type { RegisteredEndpoint, ServiceRecord, Value } from '@micro/core';
import { type EndpointKind, kindOf } from '../session/check-endpoint.ts';
import { table } from './table.ts';

/** A record for people: its nodes, and each endpoint with the shape of its messages. */
export function recordText({ name, version, metadata, endpoints, nodes }: ServiceRecord): string {
  return [
    table([[`${name} ${version}`, pairs(metadata)]]),
    '',
    'Nodes:',
    table(nodes.map((node) => [`  ${node.address}`, node.id, pairs(node.metadata)])),
    ...(endpoints.length === 0 ? [] : ['', 'Endpoints:', table(endpoints.map(endpointRow))]),
  ].join('\n');
}

const KINDS: Readonly<Record<EndpointKind, string>> = {
  unary: 'unary',
  server: 'server stream',
  client: 'client stream',
  bidi: 'bidi stream',
  stream: 'stream',
};

function endpointRow(endpoint: RegisteredEndpoint): readonly string[] {
  const { stream: _, stream_kind: __, ...more } = endpoint.metadata;
  const shapes = `${shapeOf(endpoint.request)} → ${shapeOf(endpoint.response)}`;
  // In place of the messages of a stream go-micro tells the names of Go's parameters.
  const messages = shapes === 'Context → Stream' ? '' : shapes;
  return [`  ${endpoint.name}`, KINDS[kindOf(endpoint)], messages, pairs(more)];
}

function shapeOf(value: Value | undefined): string {
  if (value === undefined) return '?';
  const { name, type, values } = value;
  const label = type === '' ? name : type;
  return values.length === 0 ? label : `${label} ${fieldsOf(values)}`;
}

function fieldsOf(values: readonly Value[]): string {
  return `{ ${values.map((value) => `${value.name}: ${shapeOf({ ...value, name: '?' })}`).join(', ')} }`;
}

function pairs(metadata: Readonly<Record<string, string>>): string {
  return Object.entries(metadata)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(' ');
}
