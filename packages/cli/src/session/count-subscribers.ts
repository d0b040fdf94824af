import type { Registry } from '@micro/core';
import { BROADCAST_VERSION, HTTP_BROKER_SERVICE } from '@micro/core/plugin';

/**
 * How many get an event of a topic from the http broker: each subscriber without a queue, and one of each queue. It finds
 * them in the registry.
 */
export async function countSubscribers(registry: Registry, topic: string, signal: AbortSignal): Promise<number> {
  const records = await registry.getService(HTTP_BROKER_SERVICE, { signal });
  let count = 0;
  for (const { version, nodes } of records) {
    const there = nodes.filter(({ metadata }) => metadata.topic === topic).length;
    count += version === BROADCAST_VERSION ? there : Math.min(there, 1);
  }
  return count;
}
