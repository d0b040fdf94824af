import { type Cache, CODE, MicroError } from '@micro/core';
import { cacheTtl } from '@micro/core/plugin';
import { createAsk } from './ask.ts';
import { checkOptions, type {{Options}} } from './{{backend}}-options.ts';
import { notWritten } from './not-written.ts';

/**
 * A cache in {{backend}}. Throws 400 for options that make no sense. Each question ends within `timeoutMs`: 408 when
 * {{backend}} does not answer, 503 when it cannot be reached or the cache is closed.
 */
export function {{factory}}(options: {{Options}}): Cache {
  const { address, prefix, usualTtlMs, timeoutMs } = checkOptions(options);
  const ask = createAsk(`{{backend}} at ${address}`, timeoutMs);
  let closed = false;

  const mustBeOpen = (): void => {
    if (!closed) return;
    const detail = 'the {{backend}} cache is closed; make another';
    throw new MicroError({ id: '{{package}}', code: CODE.unavailable, detail });
  };

  return {
    name: '{{backend}}',

    /** The value as it was put, and when it ends; `undefined` when there is none or it has ended. Keys are opaque. */
    get: (key) =>
      ask(`getting ${JSON.stringify(key)}`, undefined, async (signal) => {
        mustBeOpen();
        throw notWritten('get', { prefix, key, signal });
      }),

    /**
     * Keeps a copy of the value in the place of the one that was there. It ends after `ttlMs`; 0 is never. A value that
     * {{backend}} cannot keep as it is, is a 400.
     */
    put: (key, value, { ttlMs = usualTtlMs } = {}) =>
      ask(`putting ${JSON.stringify(key)}`, undefined, async (signal) => {
        mustBeOpen();
        cacheTtl(`the entry ${JSON.stringify(key)}`, ttlMs);
        throw notWritten('put', { prefix, key, value, ttlMs, signal });
      }),

    /** Removes the entry. Nothing happens when there is none. */
    delete: (key) =>
      ask(`deleting ${JSON.stringify(key)}`, undefined, async (signal) => {
        mustBeOpen();
        throw notWritten('delete', { prefix, key, signal });
      }),

    /** May be called twice, and before anything was used. */
    async close() {
      closed = true;
      // End the client that was made here, and nothing else.
    },
  };
}
