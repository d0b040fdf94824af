import { startEtcd, startNats, startRedis, type TestServer } from '@micro/test-servers';

/** A server that services use. */
export interface Server {
  readonly name: string;
  readonly url: string;
  /** Ends it without a word, and starts it again; `undefined` when somebody else runs it. */
  readonly own: Pick<TestServer, 'kill' | 'start'> | undefined;
  close(): Promise<void>;
}

/** The three servers that the services run on. */
export interface Servers {
  readonly etcd: Server;
  readonly nats: Server;
  readonly redis: Server;
  close(): Promise<void>;
}

/** Uses the servers that `ETCD_URL`, `NATS_URL` and `REDIS_URL` name, and starts those that are not given. */
export async function openServers(env: NodeJS.ProcessEnv): Promise<Servers> {
  const opening = [
    openServer('etcd', env.ETCD_URL, startEtcd),
    openServer('NATS', env.NATS_URL, () => startNats({ jetStream: true })),
    openServer('Redis', env.REDIS_URL, () => startRedis({ appendOnly: true })),
  ] as const;
  try {
    const [etcd, nats, redis] = await Promise.all(opening);
    return { etcd, nats, redis, close: () => closeAll(opening) };
  } catch (error) {
    await closeAll(opening);
    throw error;
  }
}

async function openServer(name: string, given: string | undefined, start: () => Promise<TestServer>): Promise<Server> {
  if (given !== undefined && given !== '') return { name, url: given, own: undefined, close: async () => {} };
  const own = await start();
  return { name, url: own.url, own, close: () => own.close() };
}

async function closeAll(opening: readonly Promise<Server>[]): Promise<void> {
  await Promise.allSettled(opening.map(async (server) => (await server).close()));
}
