import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asServers, portNames } from './cluster.ts';
import { serverProgram } from './missing-server.ts';
import { HERE } from './network.ts';
import { poll, START_MS } from './poll.ts';
import { planRedis, type RedisOptions } from './redis.ts';
import { askRedis, type RedisReply } from './redis-wire.ts';
import { onFreePorts, type ServerPlan, startProcesses } from './server-process.ts';
import type { TestServer, TestServers } from './test-server.ts';

/** A master, a replica and three sentinels. `servers` holds the first two, and `urls` theirs. */
export interface RedisTestSentinel extends TestServers {
  /** Those that watch over the others, and that clients ask where the master is. */
  readonly sentinels: readonly TestServer[];
  /** What the sentinels call the master: `mymaster`. */
  readonly name: string;
  /** The one that two sentinels call the master, and that finds so itself. Rejects when that takes longer than 60 seconds. */
  master(): Promise<TestServer>;
}

const NAME = 'mymaster';
/**
 * After how long each sentinel believes that a server is down, in milliseconds. Below a second, a busy machine has failovers
 * without a reason; at the same time, each votes for itself and none wins.
 */
const DOWN_AFTER_MS = [900, 1_200, 1_700] as const;
/** Half the time after which sentinels whose votes were split vote again, in milliseconds. */
const FAILOVER_MS = 2_000;

/**
 * Starts a Redis master, its replica, and three sentinels. Ready when the replica has a copy and each sentinel knows all
 * others, after about 2 seconds. A killed master is replaced after about 3 seconds. The sentinels ask for no password.
 */
export function startRedisSentinel({
  namespace = HERE,
  args = [],
  ...options
}: Omit<RedisOptions, 'tls'> = {}): Promise<RedisTestSentinel> {
  const names = [...portNames(2, 'data'), ...portNames(DOWN_AFTER_MS.length, 'sentinel')] as const;
  return onFreePorts(names, async (ports, release) => {
    const { ip: host, prefix } = namespace;
    const [first = 0, second = 0] = [ports.data0, ports.data1];
    const { password } = options;
    const data = [first, second].map((port, index) =>
      planRedis({
        ...{ ...options, namespace, port, label: `redis ${index}` },
        args: [...(index === 0 ? [] : ['--replicaof', host, String(first)]), ...args],
      }),
    );
    const watchers = DOWN_AFTER_MS.map((downAfterMs, index): ServerPlan => {
      const port = ports[`sentinel${index}`] ?? 0;
      const settings = [
        `port ${port}`,
        `bind ${host}`,
        'protected-mode no',
        `sentinel monitor ${NAME} ${host} ${first} 2`,
        `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
        `sentinel failover-timeout ${NAME} ${FAILOVER_MS}`,
        ...(password === undefined ? [] : [`sentinel auth-pass ${NAME} ${password}`]),
      ];
      return {
        ...{ label: `sentinel ${index}`, host, port, url: `redis://${host}:${port}` },
        prepare: (folder) => writeFileSync(join(folder, 'sentinel.conf'), `${settings.join('\n')}\n`),
        command: (folder) => [...prefix, serverProgram('redis'), join(folder, 'sentinel.conf'), '--sentinel'],
        ready: async () => (await askRedis({ host, port }, ['PING'])) === 'PONG',
      };
    });
    const all = await startProcesses([...data, ...watchers]);
    const everybody = asServers(all, release);
    const [servers, sentinels] = [all.slice(0, 2), all.slice(2)];
    const master = (): Promise<TestServer> =>
      poll('finding the Redis master', START_MS, async () => {
        const told = await Promise.all(sentinels.map((one) => askMaster(one).catch(() => '')));
        const chosen = servers.find(
          ({ port }) => told.filter((said) => said === String(port)).length * 2 > DOWN_AFTER_MS.length,
        );
        if (chosen === undefined) return undefined;
        const [role] = listOf(await askRedis({ host, port: chosen.port, password }, ['ROLE']));
        return role === 'master' ? chosen : undefined;
      });
    try {
      await poll('joining the sentinels', START_MS, async () => {
        const views = await Promise.all(sentinels.map((one) => askRedis(one, ['SENTINEL', 'MASTER', NAME])));
        const [role, , replicas] = listOf(await askRedis({ host, port: first, password }, ['ROLE']));
        const known = views.every((view) => {
          const fields = listOf(view);
          const field = (name: string) => fields[fields.indexOf(name) + 1];
          return field('num-other-sentinels') === String(DOWN_AFTER_MS.length - 1) && field('num-slaves') === '1';
        });
        return known && role === 'master' && listOf(replicas).length === 1;
      });
    } catch (error) {
      await everybody.close();
      throw error;
    }
    return { ...everybody, servers, urls: servers.map(({ url }) => url), sentinels, name: NAME, master };
  });
}

async function askMaster(sentinel: TestServer): Promise<string> {
  const [, port] = listOf(await askRedis(sentinel, ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME], 500));
  return String(port);
}

function listOf(reply: RedisReply): readonly RedisReply[] {
  return Array.isArray(reply) ? reply : [];
}
