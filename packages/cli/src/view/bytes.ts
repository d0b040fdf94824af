import { JsonText } from '../console/json-text.ts';
import type { Terminal } from '../console/terminal.ts';
import { visibleText } from '../console/visible.ts';

/** Bytes as text, and for a terminal without what steers it. What is no UTF-8 is `base64:` and its base64. */
export function textOfBytes(bytes: Uint8Array, { stdout }: Pick<Terminal, 'stdout'>): string {
  const text = utf8(bytes);
  if (text === undefined) return `base64:${Buffer.from(bytes).toString('base64')}`;
  return stdout.isTTY === true ? visibleText(text) : text;
}

/** Bytes as data: text, or `{"base64":"…"}` for what is no UTF-8. */
export function dataOfBytes(bytes: Uint8Array): unknown {
  return utf8(bytes) ?? { base64: Buffer.from(bytes).toString('base64') };
}

/** JSON in bytes to the letter, else as `dataOfBytes`. */
export function dataOfJson(bytes: Uint8Array): unknown {
  const text = utf8(bytes);
  if (text === undefined) return dataOfBytes(bytes);
  try {
    JSON.parse(text);
    return new JsonText(text);
  } catch {
    return text;
  }
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
