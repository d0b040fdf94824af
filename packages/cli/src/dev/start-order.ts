import { configError } from '../console/config-error.ts';
import { didYouMean } from '../console/suggest.ts';

/** What depends on what. */
export interface Dependent {
  readonly name: string;
  readonly depends: readonly string[];
}

/**
 * Checks what services say they depend on, and returns them in an order in which each comes after those that it depends on.
 * Throws 400 that names a service that nobody knows, or the circle.
 */
export function startOrder<T extends Dependent>(services: readonly T[]): readonly T[] {
  const known = new Map(services.map((service) => [service.name, service]));
  const ordered = new Set<T>();
  const visit = (service: T, path: readonly string[]): void => {
    if (ordered.has(service)) return;
    const here = [...path, service.name];
    if (path.includes(service.name)) {
      throw configError(`depends goes in a circle: ${here.slice(here.indexOf(service.name)).join(' → ')}`);
    }
    for (const name of service.depends) {
      const dependency = known.get(name);
      if (dependency === undefined) {
        throw configError(
          `${service.name} depends on ${JSON.stringify(name)}, which is no service here${didYouMean(name, known.keys())}`,
        );
      }
      visit(dependency, here);
    }
    ordered.add(service);
  };
  for (const service of services) visit(service, []);
  return [...ordered];
}
