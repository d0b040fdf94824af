import type { Registry } from '../../src/contract/registry.ts';
import type { Service } from '../../src/contract/service.ts';
import type { Transport } from '../../src/contract/transport.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';
import { createService } from '../../src/service/create-service.ts';
import type { ServiceOptions } from '../../src/service/service-options.ts';
import { httpTransport } from '../../src/transport/http-transport.ts';
import { memoryTransport } from '../../src/transport/memory-transport.ts';

/** Services of one test: they share a registry and stop at its end. */
export interface World extends AsyncDisposable {
  readonly registry: Registry;
  /** Makes a service and starts it. */
  start(options: Partial<ServiceOptions>, prepare: (service: Service) => void): Promise<Service>;
  /** A service that only calls. */
  caller(options?: Partial<ServiceOptions>): Service;
}

/** The ways two services can be connected; what holds over one has to hold over all. */
export const TRANSPORTS: Readonly<Record<string, () => () => Transport>> = {
  'memory transport': () => {
    const shared = memoryTransport();
    return () => shared;
  },
  'http transport, frames': () => () => httpTransport(),
  'http transport, HTTP/1.1': () => () => httpTransport({ frames: false }),
};

export function createWorld(transport: () => Transport = () => httpTransport()): World {
  const registry = memoryRegistry();
  const services: Service[] = [];
  const make = (options: Partial<ServiceOptions>): Service => {
    const service = createService({
      name: 'greeter',
      registry,
      transport: transport(),
      logger: silentLogger(),
      ...options,
      server: { address: '127.0.0.1:0', settleMs: 0, ...options.server },
    });
    services.push(service);
    return service;
  };
  return {
    registry,
    async start(options, prepare) {
      const service = make(options);
      prepare(service);
      await service.start();
      return service;
    },
    caller: (options = {}) => make({ name: 'caller', ...options }),
    async [Symbol.asyncDispose]() {
      await Promise.all(services.map((service) => service.stop()));
    },
  };
}
