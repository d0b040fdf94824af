import { Document, parseDocument, Scalar, visit } from 'yaml';
import type { JsonText } from './json-text.ts';
import { visible } from './visible.ts';

/** What steers a terminal, and YAML is written with as it is. */
const CONTROLS = /[\x7f-\x9f]/;

/** JSON as a YAML document. JSON is YAML, whose parser keeps integers beyond 2^53. */
export function toYaml({ text }: JsonText): string {
  const data: unknown = /\d{16}/.test(text) ? parseDocument(text, { intAsBigInt: true }).toJS() : JSON.parse(text);
  const document = new Document(data);
  visit(document, {
    Scalar(_, scalar) {
      if (typeof scalar.value === 'string' && CONTROLS.test(scalar.value)) scalar.type = Scalar.QUOTE_DOUBLE;
    },
  });
  // Only in quotes now, where it may be escaped as in JSON.
  return document.toString({ lineWidth: 0 }).replace(new RegExp(CONTROLS, 'g'), (char) => visible(char));
}
