import type { RegisteredEndpoint, ServiceRecord, Value } from '@micro/core';
import { compareCodePoints } from '@micro/core/plugin';

/**
 * A record as go-micro's `describe` prints it: its fields in that order, `null` for what Go has as nil. That is metadata of
 * a service without any, and a message without fields; the metadata of endpoints and nodes are always a map.
 */
export function goRecord({ name, version, metadata, endpoints, nodes }: ServiceRecord): unknown {
  return {
    name,
    version,
    metadata: Object.keys(metadata).length === 0 ? null : sorted(metadata),
    endpoints: endpoints.length === 0 ? null : endpoints.map(goEndpoint),
    nodes: nodes.map((node) => ({ id: node.id, address: node.address, metadata: sorted(node.metadata) })),
  };
}

function goEndpoint({ name, request, response, metadata }: RegisteredEndpoint): unknown {
  return { name, request: goValue(request), response: goValue(response), metadata: sorted(metadata) };
}

function goValue(value: Value | undefined): unknown {
  if (value === undefined) return null;
  const { name, type, values } = value;
  return { name, type, values: values.length === 0 ? null : values.map(goValue) };
}

/** As Go writes a map. Nothing of it is inherited, whatever the keys are. */
function sorted(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(metadata).sort(([one], [other]) => compareCodePoints(one, other));
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}
