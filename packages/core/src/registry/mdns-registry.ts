import type { Registry } from '../contract/registry.ts';
import { promisedIterable } from '../util/promised-iterable.ts';
import type { MdnsRegistryOptions } from './mdns-options.ts';

/**
 * A registry without a server: services on one network segment find each other by multicast DNS, on go-micro's wire, so
 * that Go services find them and are found. A node must have an IP address and a port, names may have letters, digits,
 * `_`, `-` and dots, and what is said about a node must fit into a datagram; registering anything else throws.
 *
 * A node registered with a `ttlMs` is said goodbye for when it is not renewed; without one, or with 0, it lives as long as
 * this registry. What others hear of a node that died without a goodbye lives for two minutes at most, less with a
 * shorter ttl. The metadata of a service (not of its nodes) is not carried, as go-micro has no place for it. Multicast
 * goes over IPv4; nodes may have IPv6 addresses.
 *
 * Sockets are opened when first needed and do not keep the process alive; a lookup does while it lasts. Throws 503 when
 * multicast cannot work, naming what can be used instead.
 */
export function mdnsRegistry(options: MdnsRegistryOptions = {}): Registry {
  let loading: Promise<Registry> | undefined;
  let closed = false;

  // DNS is loaded when it is first needed: most services that run in production have another registry.
  const network = (): Promise<Registry> => {
    loading ??= import('./mdns-network.ts').then(async ({ networkRegistry }) => {
      const registry = networkRegistry(options);
      if (closed) await registry.close();
      return registry;
    });
    return loading;
  };

  return {
    name: 'mdns',
    register: async (service, call) => (await network()).register(service, call),
    deregister: async (service, call) => (await network()).deregister(service, call),
    getService: async (name, call) => (await network()).getService(name, call),
    listServices: async (call) => (await network()).listServices(call),
    // It begins now, whenever its first event is asked for.
    watch: (call) => promisedIterable(network().then((registry) => registry.watch(call))),
    async close() {
      closed = true;
      await (await loading)?.close();
    },
  };
}
