import { startRedis } from '@micro/test-servers';
import type { Served } from '../peer.ts';

/** A Redis that keeps nothing on disk. */
export async function serveRedis(): Promise<Served> {
  const redis = await startRedis();
  return { address: redis.url, pids: redis.pid === undefined ? [] : [redis.pid], close: () => redis.close() };
}
