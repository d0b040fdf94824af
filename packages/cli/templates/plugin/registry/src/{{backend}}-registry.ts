import type { Registry } from '@micro/core';
import { copyRecord } from '@micro/core/plugin';
import { createAsk } from './ask.ts';
import { checkOptions, type {{Options}} } from './{{backend}}-options.ts';
import { notWritten } from './not-written.ts';

/**
 * A registry in {{backend}}. Throws 400 for options that make no sense. Each question ends within `timeoutMs`: 408 when
 * {{backend}} does not answer, 503 when it cannot be reached.
 */
export function {{factory}}(options: {{Options}}): Registry {
  const { address, prefix, timeoutMs } = checkOptions(options);
  const ask = createAsk(`{{backend}} at ${address}`, timeoutMs);

  return {
    name: '{{backend}}',

    /**
     * Keeps each node of the record, with the version, metadata and endpoints of its service. A node whose id is known
     * replaces that one, whatever its version was. It ends `ttlMs` after it was last registered; `undefined` is up to you, 0
     * is for ever.
     */
    register: (record, { ttlMs, signal } = {}) =>
      ask(`registering ${record.name}`, signal, async (limit) => {
        const checked = copyRecord(record);
        throw notWritten('register', { prefix, checked, ttlMs, limit });
      }),

    /** Removes the nodes of the record by their ids. Nothing happens for those that are not there. */
    deregister: (record, { signal } = {}) =>
      ask(`deregistering ${record.name}`, signal, async (limit) => {
        throw notWritten('deregister', { prefix, record, limit });
      }),

    /**
     * One record for each version, with its living nodes; `[]` for a name that nobody has. `serviceNodes` of
     * `@micro/core/plugin` puts nodes together like that. What is read is somebody else's text: check it.
     */
    getService: (name, { signal } = {}) =>
      ask(`looking up ${name}`, signal, async (limit) => {
        throw notWritten('getService', { prefix, name, limit });
      }),

    /** The names of all services that have a living node, each once, sorted. */
    listServices: ({ signal } = {}) =>
      ask('listing the services', signal, async (limit) => {
        throw notWritten('listServices', { prefix, limit });
      }),

    /**
     * What changes from the moment of the call on: `create` and `update` with the nodes that came or changed, `delete` with
     * those that went or ended. A node that is renewed as it was is no event. Ends with the signal and with `close`; throws
     * when it cannot go on, so that its reader asks anew. `eventQueue` of `@micro/core/plugin` is half of it.
     */
    watch({ service, signal } = {}) {
      throw notWritten('watch', { prefix, service, signal });
    },

    /** May be called twice, and before anything was used. What is asked after it begins anew. */
    async close() {
      // End the watches and the client that was made here, and nothing else.
    },
  };
}
