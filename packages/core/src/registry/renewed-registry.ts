import type { Registry } from '../contract/registry.ts';

/**
 * A registry that is made when it is first used, and made anew when it is used again after it was closed: many a registry
 * cannot be opened twice, and who owns one for a while and may want it back later should not have to know.
 */
export function renewedRegistry(name: string, make: () => Registry): Registry {
  let current: Registry | undefined;
  const own = (): Registry => {
    current ??= make();
    return current;
  };
  return {
    name,
    register: (record, options) => own().register(record, options),
    deregister: (record, options) => own().deregister(record, options),
    getService: (service, options) => own().getService(service, options),
    listServices: (options) => own().listServices(options),
    watch: (options) => own().watch(options),
    async close() {
      const closing = current;
      current = undefined;
      await closing?.close();
    },
  };
}
