import { isCluster, type RedisClient } from './client-types.ts';
import { streamsOf } from './cluster-nodes.ts';

/** Ends a client for good, and its sockets at once: one that hangs would keep the process alive for a while. */
export function endClient(client: RedisClient): void {
  // What goes wrong from now on is of no interest, and ioredis prints what nobody listens to.
  client.on('error', () => {});
  if (client.status === 'end') return;
  const streams = streamsOf(client);
  // One that was never used has nothing to end; told to, it would only say so.
  if (client.status === 'wait' && !isCluster(client)) return;
  client.disconnect();
  for (const stream of streams) stream.destroy();
}
