import { Command } from 'ioredis';
import { isCluster, type RedisClient, type RedisConnection, type RedisStream } from './client-types.ts';
import { nodeName } from './connection-watch.ts';

/** The sockets that commands may be written to. */
export function streamsOf(client: RedisClient): readonly RedisStream[] {
  if (!isCluster(client)) return client.stream ? [client.stream] : [];
  return client.nodes('all').flatMap(({ stream }) => stream ?? []);
}

/** The node of a cluster that should have a key, as `host:port`; `undefined` when it is not known, or there is no cluster. */
export function nodeOfKey(client: RedisClient, key: string | undefined): string | undefined {
  if (key === undefined || !isCluster(client)) return undefined;
  return client.slots[new Command('get', [key]).getSlot() ?? -1]?.[0];
}

/**
 * The connections that together have all keys. A client drops the connection to a node that died from its list until it has
 * read the table of slots again; a part that is `missing` so is asked for anew, and nobody takes the rest for everything.
 */
export function mastersOf(client: RedisClient): {
  readonly masters: readonly RedisConnection[];
  readonly missing: string | undefined;
} {
  if (!isCluster(client)) return { masters: [client], missing: undefined };
  const known = new Map(client.nodes('all').map((connection) => [nodeName(connection), connection]));
  const owners = new Set<string>();
  // Slots lie in long ranges with one owner.
  let last: string | undefined;
  for (const nodes of client.slots) {
    const owner = nodes?.[0];
    if (owner === undefined || owner === last) continue;
    owners.add(owner);
    last = owner;
  }
  const missing = [...owners].find((owner) => !known.has(owner));
  if (missing !== undefined) client.refreshSlotsCache();
  return { masters: [...owners].flatMap((owner) => known.get(owner) ?? []), missing };
}
