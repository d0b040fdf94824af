import { isCluster, type RedisClient } from './client-types.ts';
import { nodeName } from './connection-watch.ts';
import { addressText } from './redis-address.ts';
import type { RedisTarget } from './redis-options.ts';

/** More addresses than this make no sentence clearer. */
const SHOWN_ADDRESSES = 3;

/** What logs and errors call a server: its addresses, and never a password. */
export function serverName(target: RedisTarget | undefined, client: RedisClient): string {
  switch (target?.kind) {
    case 'server':
      return `redis at ${addressText(target.at)}`;
    case 'sentinel':
      return `the redis master ${JSON.stringify(target.master)} of the sentinels at ${few(target.sentinels.map(addressText))}`;
    case 'cluster':
      return `the redis cluster at ${few(target.nodes.map(addressText))}`;
    default:
      return nameOfClient(client);
  }
}

/** The same of a client that somebody else has made. */
function nameOfClient(client: RedisClient): string {
  if (isCluster(client)) return `the redis cluster at ${few(client.nodes('all').map(nodeName))}`;
  const { path, sentinels, name } = client.options as {
    readonly path?: unknown;
    readonly sentinels?: unknown;
    readonly name?: unknown;
  };
  if (Array.isArray(sentinels)) return `the redis master ${JSON.stringify(name)}`;
  return `redis at ${typeof path === 'string' ? path : nodeName(client)}`;
}

function few(addresses: readonly string[]): string {
  const shown = addresses.slice(0, SHOWN_ADDRESSES).join(', ');
  return addresses.length > SHOWN_ADDRESSES ? `${shown}, …` : shown;
}
