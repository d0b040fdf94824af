import type { Registry } from '@micro/core';
import { etcdRegistry } from '@micro/registry-etcd';
import type { RegistryParty, RegistryPeer } from '../peer.ts';
import { etcdBytes, serveEtcd } from './etcd-server.ts';

/** Micro's registry in etcd. */
export const microEtcd: RegistryPeer = {
  serve: serveEtcd,
  join: async (hosts) => partyOf(etcdRegistry({ hosts })),
  wireBytes: etcdBytes,
};

/** A party that uses one of micro's registries. */
export function partyOf(registry: Registry): RegistryParty {
  return {
    register: (record) => registry.register(record),
    watch(onRecord) {
      const events = registry.watch();
      // A watch that fails ends the process, and with it the measurement.
      void (async () => {
        for await (const { service } of events) onRecord(service);
      })();
    },
    close: () => registry.close(),
  };
}
