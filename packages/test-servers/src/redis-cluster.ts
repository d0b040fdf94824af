import { asServers, checkSize, portNames } from './cluster.ts';
import { HERE } from './network.ts';
import { poll, START_MS } from './poll.ts';
import { planRedis, type RedisOptions } from './redis.ts';
import { askRedis, type RedisDoor, type RedisReply } from './redis-wire.ts';
import { onFreePorts, startProcesses } from './server-process.ts';
import type { TestServer, TestServers } from './test-server.ts';

/** What a Redis cluster may be given. */
export interface RedisClusterOptions extends Omit<RedisOptions, 'tls'> {
  /** How many masters share the slots, from 3 to 9. Default 3. */
  readonly masters?: number | undefined;
  /** How many replicas each of them has, 0 or 1: with one, a killed master is replaced. Default 0. */
  readonly replicas?: number | undefined;
}

/** A Redis cluster. `servers` holds its masters, then their replicas in the same order. */
export interface RedisTestCluster extends TestServers {
  /** Those that have slots now. */
  masters(): Promise<readonly TestServer[]>;
  /** Resolves when every server that runs finds all slots served, and rejects when that takes longer than 60 seconds. */
  settled(): Promise<void>;
}

const SLOTS = 16_384;
/** Below it, a machine that is busy for a second has failovers. */
const NODE_TIMEOUT_MS = 2_000;

/** Starts a Redis cluster. Ready when every server finds all slots served, after about 2 seconds. */
export async function startRedisCluster({
  masters = 3,
  replicas = 0,
  namespace = HERE,
  args = [],
  ...options
}: RedisClusterOptions = {}): Promise<RedisTestCluster> {
  checkSize('the number of masters of a Redis cluster', masters, 3);
  if (replicas !== 0 && replicas !== 1) throw new Error(`a master cannot have ${replicas} replicas here: give 0 or 1`);
  const size = masters * (1 + replicas);
  return onFreePorts(portNames(size, 'port', 'bus'), async (ports, release) => {
    const nodes = Array.from({ length: size }, (_, index) => ({
      port: ports[`port${index}`] ?? 0,
      bus: ports[`bus${index}`] ?? 0,
    }));
    const servers = await startProcesses(
      nodes.map(({ port, bus }, index) =>
        planRedis({
          ...{ ...options, namespace, port, label: `redis ${index}` },
          // The bus is at port + 10000 otherwise, which need not be free, nor a port at all.
          args: [
            ...['--cluster-enabled', 'yes', '--cluster-port', String(bus), '--cluster-announce-ip', namespace.ip],
            ...['--cluster-node-timeout', String(NODE_TIMEOUT_MS), ...args],
          ],
        }),
      ),
    );
    const together = asServers(servers, release);
    const doors = nodes.map(({ port }): RedisDoor => ({ host: namespace.ip, port, password: options.password }));
    const asked = async (): Promise<readonly (readonly SeenNode[])[]> => {
      const running = doors.filter((_, index) => servers[index]?.running);
      return Promise.all(running.map(async (door) => readNodes(await askRedis(door, ['CLUSTER', 'NODES']))));
    };
    const settled = async (): Promise<void> => {
      await poll('settling the Redis cluster', START_MS, async () => {
        const ports = servers.filter(({ running }) => running).map(({ port }) => port);
        return (await asked()).every((nodes) => {
          const owners = nodes.filter(({ slots }) => slots > 0);
          // One that was killed a moment ago is still an owner for the others.
          const served = owners.every(({ port, failed }) => !failed && ports.includes(port));
          return served && owners.reduce((sum, { slots }) => sum + slots, 0) === SLOTS;
        });
      });
    };
    try {
      await join(nodes, doors, masters);
      await settled();
      // Who has been told where all slots are serves clients only when it has also seen enough of the others.
      await poll('starting the Redis cluster', START_MS, async () => {
        const states = await Promise.all(doors.map((door) => askRedis(door, ['CLUSTER', 'INFO'])));
        return states.every((state) => String(state).includes('cluster_state:ok'));
      });
    } catch (error) {
      await together.close();
      throw error;
    }
    return {
      ...together,
      settled,
      async masters() {
        const own = (await asked()).flatMap((nodes) => nodes.filter(({ self, slots }) => self && slots > 0));
        return servers.filter(({ port }) => own.some((node) => node.port === port));
      },
    };
  });
}

/** What one server says about one of them. */
interface SeenNode {
  readonly port: number;
  readonly self: boolean;
  readonly linked: boolean;
  readonly replica: boolean;
  readonly failed: boolean;
  /** How many it owns. */
  readonly slots: number;
}

/** Reads lines of `<id> <ip>:<port>@<bus> <flags> <master> <ping> <pong> <epoch> <link> <slot or range>...` */
function readNodes(reply: RedisReply): readonly SeenNode[] {
  return String(reply)
    .trim()
    .split('\n')
    .map((line) => {
      const [, address = '', flags = '', , , , , link, ...ranges] = line.split(' ');
      const names = flags.split(',');
      return {
        port: Number(/:(\d+)@/.exec(address)?.[1] ?? 0),
        self: names.includes('myself'),
        linked: link === 'connected' && !names.includes('handshake'),
        replica: names.includes('slave'),
        failed: names.includes('fail'),
        slots: ranges.reduce((sum, range) => sum + countSlots(range), 0),
      };
    });
}

function countSlots(range: string): number {
  const [from, to = from] = range.split('-').map(Number);
  return from === undefined || to === undefined || Number.isNaN(to) ? 0 : to - from + 1;
}

interface ClusterNode {
  readonly port: number;
  readonly bus: number;
}

/** What `redis-cli --cluster create` does, and no slower. */
async function join(nodes: readonly ClusterNode[], doors: readonly RedisDoor[], masters: number): Promise<void> {
  const [first] = doors;
  if (first === undefined) return;
  await Promise.all(
    doors.map(async (door, index) => {
      // Each has to be on another one; the same ones would be sorted out, which takes its time.
      await askRedis(door, ['CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1)], START_MS);
      if (index >= masters) return;
      const from = Math.floor((SLOTS * index) / masters);
      const to = Math.floor((SLOTS * (index + 1)) / masters) - 1;
      await askRedis(door, ['CLUSTER', 'ADDSLOTSRANGE', String(from), String(to)], START_MS);
    }),
  );
  for (const { port, bus } of nodes.slice(1)) {
    await askRedis(first, ['CLUSTER', 'MEET', first.host, String(port), String(bus)], START_MS);
  }
  const seen = async (door: RedisDoor) => readNodes(await askRedis(door, ['CLUSTER', 'NODES']));
  await poll('joining the Redis servers', START_MS, async () => {
    const views = await Promise.all(doors.map(seen));
    return views.every((view) => view.length === nodes.length && view.every(({ linked }) => linked));
  });
  const ids = await Promise.all(doors.map((door) => askRedis(door, ['CLUSTER', 'MYID'], START_MS)));
  await Promise.all(
    doors.slice(masters).map((door, index) => askRedis(door, ['CLUSTER', 'REPLICATE', String(ids[index])], START_MS)),
  );
  await poll('making the replicas', START_MS, async () => {
    const view = await seen(first);
    return view.filter(({ replica }) => replica).length === nodes.length - masters;
  });
}
