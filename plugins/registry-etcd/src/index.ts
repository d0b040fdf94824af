export type { EtcdRegistryOptions } from './etcd-options.ts';
export { plugin } from './etcd-plugin.ts';
export { etcdRegistry } from './etcd-registry.ts';
