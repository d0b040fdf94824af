import type { JsonText } from '../console/json-text.ts';
import { readJsonObject } from './json-object.ts';
import { readMessageLines } from './message-lines.ts';
import type { Origin } from './read-all.ts';

/**
 * The messages of a stream: one per argument, and where one is `-`, or there is none, one per line of stdin. They are
 * checked before the first is sent, as far as they are arguments.
 */
export function streamMessages(words: readonly string[], origin: Origin): AsyncIterable<JsonText> {
  const given = (words.length === 0 ? ['-'] : words).map((word, at) =>
    word === '-' ? word : readJsonObject(word, `message ${at + 1}`),
  );
  return (async function* messages() {
    for (const message of given) {
      if (typeof message === 'string') yield* readMessageLines(origin);
      else yield message;
    }
  })();
}
