import { missingServer, startEtcd, startNats, startRedis } from '@micro/test-servers';

/** The servers that programs of pages may need, each with the variable in which a program looks for its address. */
const SERVERS = {
  etcd: { start: startEtcd, variable: 'ETCD_HOSTS' },
  nats: { start: () => startNats({ jetStream: true }), variable: 'NATS_URL' },
  redis: { start: startRedis, variable: 'REDIS_URL' },
} as const;

/** Why a program cannot be run here; `undefined` when it can. Throws when there is no such server at all. */
export function missingFor(server: string | undefined): string | undefined {
  return server === undefined ? undefined : missingServer(kindOf(server));
}

/** Runs something with the variables that lead to a server, which is started before and stopped after. */
export async function withServer<T>(
  server: string | undefined,
  run: (variables: Record<string, string>) => T,
): Promise<T> {
  if (server === undefined) return run({});
  const { start, variable } = SERVERS[kindOf(server)];
  await using started = await start();
  return run({ [variable]: started.url });
}

function kindOf(server: string): keyof typeof SERVERS {
  if (server in SERVERS) return server as keyof typeof SERVERS;
  throw new Error(`no page can have ${server}: there are ${Object.keys(SERVERS).join(', ')}`);
}
