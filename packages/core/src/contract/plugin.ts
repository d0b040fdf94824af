import type { Flags } from './cmd.ts';
import type { Logger } from './logger.ts';
import type { Registry } from './registry.ts';

/** The parts of a service that a plugin can stand in for. */
export type PluginKind =
  | 'auth'
  | 'broker'
  | 'cache'
  | 'config'
  | 'profile'
  | 'registry'
  | 'runtime'
  | 'selector'
  | 'store'
  | 'tracer'
  | 'transport';

/** What a plugin may use of the service it is made for. A registry and a logger come first, so they do without. */
export interface PluginParts {
  readonly logger?: Logger | undefined;
  readonly registry?: Registry | undefined;
}

/**
 * The manifest that a plugin package exports as `plugin`, so that `--registry etcd` or `MICRO_REGISTRY=etcd` finds it.
 * Core refuses one of another `api` in a sentence that names both packages.
 */
export interface Plugin<T = unknown> {
  /** The number of the contract that the plugin was written against. */
  readonly api: 1;
  readonly kind: PluginKind;
  /** What a flag calls it, such as `etcd`. */
  readonly name: string;
  /** Makes the component from flags such as `registry_address`. The service closes it when it stops. */
  create(flags: Flags, parts: PluginParts): T | Promise<T>;
}
