import { addAbortSignal } from 'node:stream';
import { reasonOf } from '@micro/core/plugin';
import type { JsonText } from '../console/json-text.ts';
import { UsageError } from '../console/usage-error.ts';
import { readJsonObject } from './json-object.ts';
import { MOST_BYTES, type Origin, readUtf8 } from './read-all.ts';

const NEWLINE = 0x0a;

/**
 * A message for each line of stdin, read no faster than they are taken. Empty lines are none. Throws a usage error with
 * the number of a line that is no JSON object, or has no end.
 */
export async function* readMessageLines({ terminal, signal }: Origin): AsyncGenerator<JsonText, void, undefined> {
  let number = 0;
  for await (const line of readLines({ terminal, signal })) {
    number += 1;
    const what = `line ${number} of stdin`;
    const text = readUtf8(line, what);
    if (text.trim() !== '') yield readJsonObject(text, what);
  }
}

/** The lines of stdin, the last one with or without a line break. */
async function* readLines({ terminal, signal }: Origin): AsyncGenerator<Buffer, void, undefined> {
  let parts: Buffer[] = [];
  let bytes = 0;
  const take = (): Buffer => {
    const line = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    parts = [];
    bytes = 0;
    return line;
  };
  const add = (part: Buffer): void => {
    bytes += part.length;
    if (bytes > MOST_BYTES) throw new UsageError(`a line of stdin is larger than ${MOST_BYTES} bytes`);
    parts.push(part);
  };
  const chunks = addAbortSignal(signal, terminal.stdin)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await chunks.next().catch((cause: unknown) => {
        signal.throwIfAborted();
        throw new UsageError(`stdin cannot be read: ${reasonOf(cause)}`, { cause });
      });
      if (done === true) break;
      const chunk = Buffer.from(value);
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
        add(chunk.subarray(start, end));
        start = end + 1;
        yield take();
      }
      if (start < chunk.length) add(chunk.subarray(start));
    }
    if (bytes > 0) yield take();
  } finally {
    await chunks.return?.();
  }
}
