import { memoryAuth } from '../auth/memory-auth.ts';
import { noopAuth } from '../auth/noop-auth.ts';
import { httpBroker } from '../broker/http-broker.ts';
import { memoryBroker } from '../broker/memory-broker.ts';
import { createConfig } from '../config/config.ts';
import type { Broker } from '../contract/broker.ts';
import type { Flags } from '../contract/cmd.ts';
import type { Logger } from '../contract/logger.ts';
import type { PluginKind } from '../contract/plugin.ts';
import type { Registry } from '../contract/registry.ts';
import { memoryTracer } from '../debug/memory-tracer.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { noopProfile } from '../profile/noop-profile.ts';
import { cachedRegistry } from '../registry/cached-registry.ts';
import { mdnsRegistry } from '../registry/mdns-registry.ts';
import { memoryRegistry } from '../registry/memory-registry.ts';
import { renewedRegistry } from '../registry/renewed-registry.ts';
import { localRuntime } from '../runtime/local-runtime.ts';
import { fileStore } from '../store/file-store.ts';
import { memoryStore } from '../store/memory-store.ts';
import { httpTransport } from '../transport/http-transport.ts';
import { memoryTransport } from '../transport/memory-transport.ts';
import { parseAddress } from '../util/address.ts';
import { durationMs } from './flag-value.ts';

/** The kinds of components that flags choose; a cache has no flag in go-micro. */
export type ChosenKind = Exclude<PluginKind, 'cache'>;

/** What a component of core is made from. */
export interface CoreParts {
  readonly flags: Flags;
  readonly logger: Logger;
  /** Stands for the registry of the service. */
  readonly registry: Registry;
}

/** A component that core has. */
export interface CoreComponent {
  /** The flags it understands beside the one that names it; any other that belongs to its kind is an error. */
  readonly takes: readonly string[];
  /** A promise, or the component itself; `undefined` leaves it to the service, whose own default it is. */
  make(parts: CoreParts): unknown;
}

/** What core has, by kind and then by the name a flag gives. */
export const CORE_COMPONENTS: Readonly<Record<ChosenKind, ReadonlyMap<string, CoreComponent>>> = {
  registry: new Map<string, CoreComponent>([
    ['mdns', { takes: ['registry_address'], make: mdnsFrom }],
    ['memory', { takes: [], make: () => memoryRegistry() }],
  ]),
  transport: new Map<string, CoreComponent>([
    ['http', { takes: ['client_pool_size', 'client_pool_ttl'], make: httpTransportFrom }],
    ['memory', { takes: [], make: () => memoryTransport() }],
  ]),
  broker: new Map<string, CoreComponent>([
    ['http', { takes: ['broker_address'], make: httpBrokerFrom }],
    ['memory', { takes: [], make: ({ logger }) => memoryBroker({ logger }) }],
  ]),
  selector: new Map<string, CoreComponent>([['registry', { takes: [], make: () => undefined }]]),
  store: new Map<string, CoreComponent>([
    ['memory', { takes: ['store_database', 'store_table'], make: ({ flags }) => memoryStore(storeScope(flags)) }],
    ['file', { takes: ['store_address', 'store_database', 'store_table'], make: fileStoreFrom }],
  ]),
  config: new Map<string, CoreComponent>([['config', { takes: [], make: ({ logger }) => createConfig({ logger }) }]]),
  auth: new Map<string, CoreComponent>([
    [
      'noop',
      {
        // It asks nobody for anything, so that auth can be turned off by one flag whatever the others say.
        takes: ['auth_id', 'auth_secret', 'auth_namespace', 'auth_public_key', 'auth_private_key'],
        make: ({ flags }) => noopAuth({ namespace: text(flags.auth_namespace) }),
      },
    ],
    [
      'memory',
      { takes: ['auth_namespace'], make: ({ flags }) => memoryAuth({ namespace: text(flags.auth_namespace) }) },
    ],
  ]),
  runtime: new Map<string, CoreComponent>([['local', { takes: [], make: ({ logger }) => localRuntime({ logger }) }]]),
  tracer: new Map<string, CoreComponent>([['memory', { takes: [], make: () => memoryTracer() }]]),
  profile: new Map<string, CoreComponent>([['noop', { takes: [], make: () => noopProfile() }]]),
};

/** An interface, a port, or both; several interfaces have one port. */
function mdnsFrom({ flags, logger }: CoreParts): Registry {
  const places = list(flags.registry_address).map((address) => place('registry_address', address));
  const ports = new Set(places.map(({ port }) => port).filter((port) => port !== 0));
  if (ports.size > 1) throw bad('--registry_address', `names ${ports.size} ports, and mdns listens on one`);
  const [port] = ports;
  const interfaces = places.map(({ host }) => host).filter((host) => host !== '');
  return renewedRegistry('mdns', () =>
    mdnsRegistry({ logger, port, interface: interfaces.length === 0 ? undefined : interfaces }),
  );
}

function httpTransportFrom({ flags }: CoreParts): unknown {
  return httpTransport({ poolSize: number(flags.client_pool_size), poolTtlMs: durationMs(flags.client_pool_ttl) });
}

/** The address is where subscribers listen, as in go-micro. */
function httpBrokerFrom({ flags, logger, registry }: CoreParts): Broker | undefined {
  const addresses = list(flags.broker_address);
  const [address] = addresses;
  if (address === undefined) return undefined;
  if (addresses.length > 1)
    throw bad('--broker_address', `names ${addresses.length} addresses, and http listens on one`);
  const known = renewedRegistry(registry.name, () => cachedRegistry(registry, { logger, unknownTtlMs: 0 }));
  const broker = httpBroker({ registry: known, logger, address });
  return {
    name: broker.name,
    get address() {
      return broker.address;
    },
    connect: () => broker.connect(),
    async disconnect() {
      await broker.disconnect();
      await known.close();
    },
    publish: (topic, message, options) => broker.publish(topic, message, options),
    subscribe: (topic, handler, options) => broker.subscribe(topic, handler, options),
  };
}

function fileStoreFrom({ flags }: CoreParts): unknown {
  const [path, ...others] = list(flags.store_address);
  if (path === undefined) throw bad('--store=file', 'needs --store_address: the path of a folder');
  if (others.length > 0) throw bad('--store_address', 'names several folders, and a file store has one');
  return fileStore({ path, ...storeScope(flags) });
}

function storeScope(flags: Flags): { database: string | undefined; table: string | undefined } {
  return { database: text(flags.store_database), table: text(flags.store_table) };
}

function place(flag: string, address: string): { host: string; port: number } {
  try {
    const { host, first } = parseAddress(address.includes(':') ? address : `${address}:0`);
    return { host, port: first };
  } catch {
    throw bad(
      `--${flag}`,
      `has ${JSON.stringify(address.slice(0, 80))}, which is no address: use host, :port or host:port`,
    );
  }
}

function list(value: Flags[string]): readonly string[] {
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

function text(value: Flags[string]): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function number(value: Flags[string]): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function bad(flag: string, detail: string): MicroError {
  return new MicroError({ id: 'go.micro.cmd', code: CODE.badRequest, detail: `${flag} ${detail}` });
}
