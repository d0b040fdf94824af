import type { JsonText } from '../console/json-text.ts';
import { UsageError } from '../console/usage-error.ts';
import { readJsonObject } from './json-object.ts';
import { isReference, nameOf, type Origin, readReference, readUtf8 } from './read-all.ts';

/**
 * The one message of a command: what `--data` says, or the words behind the endpoint, joined by spaces as the shell parted
 * them; each may be `@file` or `-` for stdin. `{}` when nobody says anything.
 */
export async function readMessage(
  words: readonly string[],
  data: string | undefined,
  origin: Origin,
): Promise<JsonText> {
  if (data !== undefined && words.length > 0) {
    throw new UsageError('the message is given twice: leave out either --data or what stands behind the endpoint');
  }
  const given = data ?? (words.length === 0 ? '{}' : words.join(' '));
  if (!isReference(given)) return readJsonObject(given, 'the message');
  const what = nameOf(given);
  return readJsonObject(readUtf8(await readReference(given, origin), what), what);
}
