import type { ServiceRecord } from '../contract/registry.ts';
import type { Filter } from '../contract/selector.ts';

/** Keeps the nodes that run exactly this version. */
export function filterVersion(version: string): Filter {
  return (services) => kept(services, (service) => service.version === version);
}

/**
 * Keeps the nodes that have this endpoint (`Greeter.Hello`). A service that lists no endpoints at all is kept, unlike in
 * go-micro: services of other makes need not list any.
 */
export function filterEndpoint(name: string): Filter {
  return (services) =>
    kept(services, ({ endpoints }) => endpoints.length === 0 || endpoints.some((endpoint) => endpoint.name === name));
}

/** Keeps the nodes whose metadata has this value under this key. */
export function filterLabel(key: string, value: string): Filter {
  return (services) =>
    services.flatMap((service) => {
      const nodes = kept(service.nodes, ({ metadata }) => Object.hasOwn(metadata, key) && metadata[key] === value);
      if (nodes.length === 0) return [];
      return nodes === service.nodes ? [service] : [{ ...service, nodes } satisfies ServiceRecord];
    });
}

/** The list itself when all of it is kept. */
function kept<T>(list: readonly T[], keep: (item: T) => boolean): readonly T[] {
  return list.every(keep) ? list : list.filter(keep);
}
