import type { Registry } from '../contract/registry.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';

/** A registry that stands for one that is not there yet. */
export interface LateRegistry {
  readonly registry: Registry;
  /** From now on it is this one. */
  become(actual: Registry): void;
}

/**
 * The registry of a service for components that are made before the service is: a broker or a selector keeps it and asks it
 * when it is used. Closing it does nothing, since the service owns the one behind it.
 */
export function lateRegistry(): LateRegistry {
  let actual: Registry | undefined;
  const own = (): Registry => {
    if (actual !== undefined) return actual;
    throw new MicroError({
      id: 'go.micro.cmd',
      code: CODE.unavailable,
      detail: 'the registry cannot be asked before the service is made: ask it when the component is first used',
    });
  };
  return {
    registry: {
      get name() {
        return actual?.name ?? 'registry';
      },
      register: async (record, options) => own().register(record, options),
      deregister: async (record, options) => own().deregister(record, options),
      getService: (service, options) => own().getService(service, options),
      listServices: async (options) => own().listServices(options),
      watch: (options) => own().watch(options),
      async close() {},
    },
    become(given) {
      actual = given;
    },
  };
}
