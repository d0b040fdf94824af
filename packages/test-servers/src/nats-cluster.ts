import { askJson } from './ask-http.ts';
import { asCluster, asServers, checkSize, portNames } from './cluster.ts';
import { type NatsOptions, planNats } from './nats.ts';
import { HERE, type Network, networkOf } from './network.ts';
import { poll, START_MS } from './poll.ts';
import { onFreePorts, startProcesses } from './server-process.ts';
import type { TestCluster } from './test-server.ts';

/** What a system of NATS servers may be given. */
export interface NatsClusterOptions extends Omit<NatsOptions, 'namespace'> {
  /** How many servers. Default 3. */
  readonly size?: number | undefined;
  /** The network namespace they run in, or one for each, so that one server can be cut off. Default: ours. */
  readonly namespace?: Network | readonly Network[] | undefined;
}

/**
 * Starts NATS servers that make up one system. Ready when each has a route to each other one, after about 100 ms, and with
 * JetStream when all follow the same leader, after about 300 ms. Without JetStream none leads, and `leader` rejects.
 */
export async function startNatsCluster({
  size = 3,
  namespace = HERE,
  ...options
}: NatsClusterOptions = {}): Promise<TestCluster> {
  checkSize('the size of a NATS cluster', size);
  return onFreePorts(portNames(size, 'client', 'monitor', 'route'), async (ports, release) => {
    const nodes = Array.from({ length: size }, (_, index) => ({
      name: `n${index}`,
      network: networkOf(namespace, index),
      client: ports[`client${index}`] ?? 0,
      monitor: ports[`monitor${index}`] ?? 0,
      route: ports[`route${index}`] ?? 0,
    }));
    const routes = nodes.map(({ network, route }) => `nats://${network.ip}:${route}`);
    const servers = await startProcesses(
      nodes.map(({ name, network, client, monitor }, index) =>
        planNats({
          ...options,
          ...{ label: `nats ${name}`, client, monitor, namespace: network },
          args: [
            ...['--name', name, '--cluster_name', 'micro', '--cluster', routes[index] ?? '', '--routes', routes.join()],
            ...(options.args ?? []),
          ],
        }),
      ),
    );
    const together = asServers(servers, release);
    const page = (index: number, path: string) =>
      askJson(`http://${nodes[index]?.network.ip}:${nodes[index]?.monitor}/${path}`, { timeoutMs: 500 });
    const cluster = asCluster(together, async (server) => {
      if (options.jetStream !== true) return { self: '', leader: '' };
      const index = servers.indexOf(server);
      const { meta_cluster: meta } = await page(index, 'jsz');
      const leader: unknown = typeof meta === 'object' && meta !== null ? Reflect.get(meta, 'leader') : undefined;
      return { self: nodes[index]?.name ?? '', leader: typeof leader === 'string' ? leader : '' };
    });
    const meshed = async (): Promise<boolean> => {
      const pages = await Promise.all(nodes.map((_, index) => page(index, 'routez')));
      return pages.every(({ routes: known }) => countNeighbours(known) >= size - 1);
    };
    const noLeader = (): Promise<never> =>
      Promise.reject(new Error('NATS servers have a leader with JetStream only: start them with jetStream: true'));
    try {
      await poll('joining the NATS servers', START_MS, meshed);
      if (options.jetStream !== true) return { ...cluster, leader: noLeader, followers: noLeader };
      await cluster.leader();
      return cluster;
    } catch (error) {
      await together.close();
      throw error;
    }
  });
}

/** Newer servers have several routes to the same neighbour. */
function countNeighbours(routes: unknown): number {
  if (!Array.isArray(routes)) return 0;
  return new Set(
    routes.map((route: unknown) =>
      typeof route === 'object' && route !== null ? Reflect.get(route, 'remote_id') : '',
    ),
  ).size;
}
