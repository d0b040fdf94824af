import { CODE, type Flags, type Plugin, type Registry } from '@micro/core';
import { registryError } from '@micro/core/plugin';
import { etcdRegistry } from './etcd-registry.ts';

/**
 * The manifest: `--registry etcd --registry_address http://a:2379,http://b:2379` or `MICRO_REGISTRY=etcd`. User and password
 * come from the variables `ETCD_USERNAME` and `ETCD_PASSWORD`, as in go-micro, where both are set. Told of the connection is
 * the service's logger.
 */
export const plugin: Plugin<Registry> = {
  api: 1,
  kind: 'registry',
  name: 'etcd',
  create(flags, { logger }) {
    const { ETCD_USERNAME: username, ETCD_PASSWORD: password } = process.env;
    const hasUser = username !== undefined && username !== '' && password !== undefined && password !== '';
    return etcdRegistry({ hosts: hostsOf(flags), logger, ...(hasUser ? { username, password } : {}) });
  },
};

function hostsOf({ registry_address: address }: Flags): string | readonly string[] | undefined {
  if (address === undefined || typeof address === 'string') return address;
  if (Array.isArray(address)) return address.map(String);
  throw registryError(CODE.badRequest, `--registry_address ${String(address)} is no host of etcd; give host:port`);
}
