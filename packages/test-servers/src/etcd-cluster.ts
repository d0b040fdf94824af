import { askJson } from './ask-http.ts';
import { asCluster, asServers, checkSize, portNames } from './cluster.ts';
import { type EtcdMember, type EtcdOptions, planMember } from './etcd.ts';
import { HERE, type Network, networkOf } from './network.ts';
import { onFreePorts, startProcesses } from './server-process.ts';
import type { TestCluster } from './test-server.ts';

/** What a system of etcd servers may be given. */
export interface EtcdClusterOptions extends Pick<EtcdOptions, 'tls' | 'args'> {
  /** How many servers. Default 3. */
  readonly size?: number | undefined;
  /** The network namespace they run in, or one for each, so that one server can be cut off. Default: ours. */
  readonly namespace?: Network | readonly Network[] | undefined;
}

/**
 * Starts etcd servers that make up one system. Ready when all of them have the same leader, after about half a second:
 * their heartbeat is 50 ms and their election timeout 500 ms, half of the defaults. One whose data are wiped is not taken
 * back by the others.
 */
export async function startEtcdCluster({
  size = 3,
  namespace = HERE,
  ...options
}: EtcdClusterOptions = {}): Promise<TestCluster> {
  checkSize('the size of an etcd cluster', size);
  return onFreePorts(portNames(size, 'client', 'peer'), async (ports, release) => {
    const members = Array.from(
      { length: size },
      (_, index): EtcdMember => ({
        name: `n${index}`,
        client: ports[`client${index}`] ?? 0,
        peer: ports[`peer${index}`] ?? 0,
        namespace: networkOf(namespace, index),
      }),
    );
    const servers = await startProcesses(
      members.map((member) =>
        planMember(member, members, { ...options, label: `etcd ${member.name}`, timing: [50, 500] }),
      ),
    );
    return asCluster(asServers(servers, release), async ({ url }) => {
      const { header, leader } = await askJson(`${url}/v3/maintenance/status`, { body: {}, timeoutMs: 500 });
      const self = typeof header === 'object' && header !== null ? Reflect.get(header, 'member_id') : undefined;
      return { self: String(self ?? ''), leader: String(leader ?? '') };
    });
  });
}
