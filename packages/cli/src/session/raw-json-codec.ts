import type { Codec } from '@micro/core';
import { JsonText } from '../program/output.ts';

/**
 * JSON that is passed on to the letter, in both directions: a command line neither knows the types of messages nor may
 * it lose a digit of an integer beyond 2^53.
 */
export function rawJsonCodec(): Codec {
  return {
    name: 'raw-json',
    contentTypes: ['application/json'],
    encode: (value) => Buffer.from(value instanceof JsonText ? value.text : JSON.stringify(value ?? {})),
    decode(body) {
      return new JsonText(body.length === 0 ? '{}' : Buffer.from(body).toString('utf8').trim());
    },
  };
}
