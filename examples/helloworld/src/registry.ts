import { mdnsRegistry, memoryRegistry, type Registry } from '@micro/core';

/** mDNS that stays on this machine, on a port of its own so that it meets nobody else; or memory, for one process. */
export function exampleRegistry(): Registry {
  const { MICRO_REGISTRY, HELLOWORLD_MDNS_PORT } = process.env;
  if (MICRO_REGISTRY === 'memory') return memoryRegistry();
  return mdnsRegistry({ interface: '127.0.0.1', port: Number(HELLOWORLD_MDNS_PORT ?? 15_353) });
}
