// Runs in a service of `micro run` before its own code, by `node --import`. It tells `micro run` when a server of the
// service has started, and opens the debugger when it is asked to. It must be light: every start waits for it.

import { subscribe } from 'node:diagnostics_channel';
import { open, url } from 'node:inspector';

/** Whoever asks is named in the address of this module: what the service forks in turn inherits it, and is not meant. */
const isMeant = new URL(import.meta.url).searchParams.get('parent') === String(process.ppid);

if (isMeant && process.send !== undefined) {
  subscribe('micro.server.started', (record) => {
    if (process.connected) process.send?.({ type: 'micro:started', record });
  });
  process.on('message', (message: { readonly type?: unknown; readonly port?: unknown } | null) => {
    if (message?.type !== 'micro:inspect' || typeof message.port !== 'number' || url() !== undefined) return;
    open(message.port, '127.0.0.1');
  });
  // A service that has done its work ends, whoever may still have something to say to it.
  process.channel?.unref();
}
