import { shown } from '@micro/core/plugin';
import { JsonText } from '../console/json-text.ts';
import { UsageError } from '../console/usage-error.ts';
import { jsonFault } from './json-fault.ts';

/**
 * A text that is one JSON object, as it is written. Throws a usage error that says where it came from (`what`), and the
 * position at which it stops being one.
 */
export function readJsonObject(text: string, what: string): JsonText {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const { position = 0, expected = 'JSON' } = jsonFault(text) ?? {};
    const there = position >= text.length ? 'it ends' : shown(text.slice(position, position + 20));
    throw new UsageError(`${what} is no JSON object: at position ${position} ${there} instead of ${expected}`, {
      cause,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`${what} has to be a JSON object such as {"name":"John"}, not ${shown(text.trim())}`);
  }
  return new JsonText(text.trim());
}
