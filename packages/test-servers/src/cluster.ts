import { poll, START_MS } from './poll.ts';
import type { TestCluster, TestServer, TestServers } from './test-server.ts';

/** One value for servers that were started together. `closed` is called once, when they are closed. */
export function asServers<S extends TestServer>(servers: readonly S[], closed?: () => void): TestServers<S> {
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= Promise.all(servers.map((server) => server.close())).then(() => closed?.());
    return closing;
  };
  return { servers, urls: servers.map(({ url }) => url), close, [Symbol.asyncDispose]: close };
}

/** What one server says who leads: a name or number that only the leader has itself. */
export interface Vote {
  /** Who answers. */
  readonly self: string;
  /** Whom it follows; `''` when nobody. */
  readonly leader: string;
}

/** The same, for servers that can be asked who leads. */
export function asCluster<S extends TestServer>(
  together: TestServers<S>,
  ask: (server: S) => Promise<Vote>,
): TestCluster<S> {
  const { servers } = together;
  const leader = (): Promise<S> =>
    poll('finding the leader', START_MS, async () => {
      const votes = await Promise.all(servers.map((server) => ask(server).catch(() => undefined)));
      const index = votes.findIndex((vote) => vote !== undefined && vote.self === vote.leader && vote.self !== '');
      const named = votes.filter((vote) => vote !== undefined && vote.leader === votes[index]?.self);
      return named.length * 2 > servers.length ? servers[index] : undefined;
    });
  return {
    ...together,
    leader,
    async followers() {
      const first = await leader();
      return servers.filter((server) => server !== first && server.running);
    },
  };
}

/** The names of the ports of `count` servers: `client0`, `client1`, … */
export function portNames<N extends string>(count: number, ...names: readonly N[]): readonly `${N}${number}`[] {
  return Array.from({ length: count }, (_, index) => names.map((name): `${N}${number}` => `${name}${index}`)).flat();
}

/** Checks how many servers were asked for. */
export function checkSize(what: string, size: number, smallest = 1): number {
  if (Number.isInteger(size) && size >= smallest && size <= 9) return size;
  throw new Error(`${what} is ${size}: give a whole number from ${smallest} to 9`);
}
