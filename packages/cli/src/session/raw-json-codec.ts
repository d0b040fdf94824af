import type { Codec } from '@micro/core';
import { LEGACY_JSON, reasonOf, shown } from '@micro/core/plugin';
import { JsonText } from '../console/json-text.ts';

/**
 * JSON that is passed on to the letter, in both directions: a command line neither knows the types of messages nor may
 * it lose a digit of an integer beyond 2^53. What is no JSON is refused.
 */
export function rawJsonCodec(): Codec {
  return {
    name: 'raw-json',
    contentTypes: ['application/json', LEGACY_JSON],
    encode: (value) => Buffer.from(value instanceof JsonText ? value.text : JSON.stringify(value ?? {})),
    decode(body) {
      if (body.length === 0) return new JsonText('{}');
      const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8').trim();
      try {
        JSON.parse(text);
      } catch (cause) {
        throw new Error(`${shown(text)} is no JSON: ${reasonOf(cause)}`, { cause });
      }
      return new JsonText(text);
    },
  };
}
