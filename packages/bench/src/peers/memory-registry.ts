import { setImmediate as turn } from 'node:timers/promises';
import { memoryRegistry } from '@micro/core';
import type { RegistryPeer } from '../peer.ts';
import { partyOf } from './etcd-registry.ts';

/** Micro's registry in the memory of one process: what telling twenty watchers costs when nothing is sent. */
export function memoryRegistryPeer(): RegistryPeer {
  const registry = memoryRegistry();
  const party = partyOf(registry);
  return {
    serve: async () => ({ address: '', close: async () => {} }),
    join: async () => ({
      ...party,
      async register(record) {
        // Nothing here waits for anything, and the timers of the bench want their turn.
        await turn();
        await party.register(record);
      },
    }),
  };
}
