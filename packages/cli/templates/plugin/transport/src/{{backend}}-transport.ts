import type { Transport } from '@micro/core';
import { checkOptions, type {{Options}} } from './{{backend}}-options.ts';
import { notWritten } from './not-written.ts';

/**
 * Carries messages over {{backend}}. Throws 400 for options that make no sense. `createExchange` of `@micro/core/plugin` is
 * a `Socket` that queues, holds senders back and knows when it is over: what is left is to carry its messages.
 */
export function {{factory}}(options: {{Options}} = {}): Transport {
  const { maxMessageBytes } = checkOptions(options);

  return {
    name: '{{backend}}',

    /**
     * Accepts exchanges at an address: `:0`, `host:port` or `host:first-last`, of which the first free port is taken
     * (`bind` of `@micro/core/plugin` does that). Throws 409 when it is taken. A message over the limit is refused with 413
     * and the others go on. A listener that drains finishes what is open; closing it ends that too.
     */
    async listen(address, accept, { name, ready } = {}) {
      throw notWritten('listen', { address, accept, name, ready, maxMessageBytes });
    },

    /**
     * Opens an exchange, and returns at once: what goes wrong is what `receive` throws. Nobody there is a 503 with
     * `unexecuted`; past the deadline it is a 408, and the server learns of it.
     */
    dial(address, { stream = false, metadata, connectTimeoutMs = 5_000, deadline } = {}) {
      throw notWritten('dial', { address, stream, metadata, connectTimeoutMs, deadline, maxMessageBytes });
    },

    /** Ends the exchanges that were dialled. May be called twice, and before anything was used. */
    async close() {
      // Listeners are closed by who opened them.
    },
  };
}
