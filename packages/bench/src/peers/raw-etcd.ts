import { Etcd3, type Lease, type Watcher } from 'etcd3';
import type { RegistryPeer } from '../peer.ts';
import { etcdBytes, serveEtcd } from './etcd-server.ts';

const PREFIX = '/bench/registry/';
/** As long as micro's leases. */
const TTL_SECONDS = 90;

/** etcd3 alone: a put with a lease that all nodes share, and a watch of the prefix. */
export const rawEtcd: RegistryPeer = {
  serve: serveEtcd,
  async join(hosts) {
    const client = new Etcd3({ hosts });
    let lease: Lease | undefined;
    const watched: Watcher[] = [];
    return {
      async register(record) {
        lease ??= client.lease(TTL_SECONDS);
        await lease.put(`${PREFIX}${record.name}/${record.nodes[0]?.id}`).value(JSON.stringify(record));
      },
      watch(onRecord) {
        void (async () => {
          const watcher = await client.watch().prefix(PREFIX).create();
          watched.push(watcher);
          watcher.on('put', ({ value }) => onRecord(JSON.parse(value.toString())));
        })();
      },
      async close() {
        for (const watcher of watched) await watcher.cancel();
        await lease?.revoke();
        client.close();
      },
    };
  },
  wireBytes: etcdBytes,
};
