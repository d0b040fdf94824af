import { mdnsRegistry, type Registry } from '@micro/core';

/** mDNS that stays on this machine, on a port of its own so that it meets nobody else. */
export function exampleRegistry(): Registry {
  return mdnsRegistry({ interface: '127.0.0.1', port: Number(process.env.PUBSUB_MDNS_PORT ?? 15_363) });
}
