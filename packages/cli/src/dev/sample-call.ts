import type { Value } from '@micro/core';
import { shellWord } from '../console/shell-word.ts';
import type { Started } from './version.ts';

/** How deep an example goes: messages may hold themselves. */
const DEEPEST = 3;
const TRUE = 'true';

/**
 * A command, which begins with the words of `call`, that calls the first endpoint of a service that takes one request, with an
 * example of it, ready for a shell. `undefined` when there is none.
 */
export function sampleCall({ name, endpoints }: Started, call: readonly string[]): string | undefined {
  // A stream says so of itself, as in go-micro; a subscriber is an endpoint with a topic.
  const endpoint = endpoints.find(({ metadata }) => metadata?.stream !== TRUE && metadata?.topic === undefined);
  if (endpoint === undefined) return undefined;
  const request = endpoint.request === undefined ? {} : exampleOf(endpoint.request, 0);
  return [...call, name, endpoint.name, JSON.stringify(request)].map(shellWord).join(' ');
}

/** Fields that are not of a simple type, or lists, are left out where they would lead too deep. */
function exampleOf(message: Value, depth: number): Record<string, unknown> {
  const example: Record<string, unknown> = Object.create(null);
  for (const field of message.values ?? []) {
    const value = exampleField(field, depth);
    if (value !== undefined) example[field.name] = value;
  }
  return example;
}

function exampleField(field: Value, depth: number): unknown {
  const { name, type, values } = field;
  if (type === 'string') return name === 'name' ? 'John' : name;
  if (type === 'bool' || type === 'boolean') return false;
  if (/^(?:u?int|s?fixed|float|double|number|integer)/.test(type)) return 0;
  if (values?.length > 0 && depth < DEEPEST) return exampleOf(field, depth + 1);
  return undefined;
}
