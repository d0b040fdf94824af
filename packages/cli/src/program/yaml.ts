import { Document, parseDocument } from 'yaml';
import type { JsonText } from './json-text.ts';

/** JSON as a YAML document. JSON is YAML, whose parser keeps integers beyond 2^53. */
export function toYaml({ text }: JsonText): string {
  const data: unknown = /\d{16}/.test(text) ? parseDocument(text, { intAsBigInt: true }).toJS() : JSON.parse(text);
  return new Document(data).toString({ lineWidth: 0 });
}
