import { CODE, MicroError, type Store } from '@micro/core';
import { rangeOf, scopeOf, storeCheck } from '@micro/core/plugin';
import { createAsk } from './ask.ts';
import { checkOptions, type {{Options}} } from './{{backend}}-options.ts';
import { notWritten } from './not-written.ts';

/**
 * A store in {{backend}}. Throws 400 for options, keys and names that make no sense. Each question ends within `timeoutMs`:
 * 408 when {{backend}} does not answer, 503 when it cannot be reached or the store is closed.
 */
export function {{factory}}(options: {{Options}}): Store {
  const { address, start, timeoutMs } = checkOptions(options);
  const check = storeCheck(options);
  const ask = createAsk(`{{backend}} at ${address}`, timeoutMs);
  let closed = false;

  const mustBeOpen = (): void => {
    if (!closed) return;
    const detail = 'the {{backend}} store is closed; make another';
    throw new MicroError({ id: '{{package}}', code: CODE.unavailable, detail });
  };
  // A name that no call could use is found out now.
  scopeOf({}, options);

  return {
    name: '{{backend}}',

    /**
     * The records that are meant, as they were written, sorted by the UTF-8 bytes of their keys; `[]` when there are none.
     * Keys are opaque: nothing in one is a path or a pattern. A record that has ended is not there.
     */
    read: (key, { prefix = false, suffix = false, limit, offset, ...scope } = {}) =>
      ask(`reading ${JSON.stringify(key)}`, scope.signal, async (signal) => {
        mustBeOpen();
        const place = scopeOf(scope, options);
        const range = rangeOf({ prefix: prefix ? key : '', suffix: suffix ? key : '', limit, offset });
        if (prefix || suffix) throw notWritten('read (of many keys)', { start, ...place, ...range, signal });
        check.key(key);
        throw notWritten('read (of one key)', { start, ...place, key, ...range, signal });
      }),

    /**
     * Keeps the record in the place of the one that was there. It ends after `ttlMs`; 0 is never. Writes to one key are kept
     * in the order in which they were begun.
     */
    write: (given, { ttlMs, ...scope } = {}) =>
      ask(`writing ${JSON.stringify(given.key)}`, scope.signal, async (signal) => {
        mustBeOpen();
        const place = scopeOf(scope, options);
        const record = check.record(given, { ttlMs });
        throw notWritten('write', { start, ...place, record, signal });
      }),

    /** Removes the record. Nothing happens when there is none. */
    delete: (key, scope = {}) =>
      ask(`deleting ${JSON.stringify(key)}`, scope.signal, async (signal) => {
        mustBeOpen();
        const place = scopeOf(scope, options);
        check.key(key);
        throw notWritten('delete', { start, ...place, key, signal });
      }),

    /** The keys that are meant, sorted by their UTF-8 bytes. */
    list: ({ prefix, suffix, limit, offset, ...scope } = {}) =>
      ask('listing the keys', scope.signal, async (signal) => {
        mustBeOpen();
        const place = scopeOf(scope, options);
        const range = rangeOf({ prefix, suffix, limit, offset });
        throw notWritten('list', { start, ...place, ...range, signal });
      }),

    /** May be called twice, and before anything was used. */
    async close() {
      closed = true;
      // End the client that was made here, and nothing else.
    },
  };
}
