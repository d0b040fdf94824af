import type { Node, Registry, ServiceRecord } from '../contract/registry.ts';
import type { SelectOptions, Selector, Strategy } from '../contract/selector.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { type ServicePool, servicePool } from './service-pool.ts';
import { leastBusy } from './strategies.ts';

/** What a registry selector takes. */
export interface RegistrySelectorOptions {
  /** Where the nodes are looked up, at each call: one that remembers, such as `cachedRegistry(...)`. It is not closed here. */
  readonly registry: Registry;
  /** How a node is chosen where the call does not say. Default: `leastBusy()`. */
  readonly strategy?: Strategy | undefined;
  /** What is learned is kept of so many services; the first one known makes room. Default 1,000; 0 is no limit. */
  readonly maxServices?: number | undefined;
}

const DEFAULT_MAX_SERVICES = 1_000;

/**
 * Chooses nodes from a registry. It counts what is in flight, and sets aside a node that could not be reached, for a
 * pause that grows from 100 ms to 10 s with full jitter; then one call finds out whether it is back. When every node is
 * set aside, the one due soonest is tried rather than none. A node that comes back at another address is a new one.
 */
export function registrySelector(options: RegistrySelectorOptions): Selector {
  const { registry, strategy: ownStrategy = leastBusy(), maxServices = DEFAULT_MAX_SERVICES } = options;
  const pools = new Map<string, ServicePool>();

  const choose = (service: string, records: readonly ServiceRecord[], call: SelectOptions | undefined): Node => {
    if (records.length === 0)
      throw selectorError(CODE.notFound, `no service called '${service}' is registered; is it running?`);
    const pool = pools.get(service) ?? poolOf(service);
    const node = pool.choose(records, call?.filters, call?.strategy ?? ownStrategy, call?.exclude);
    if (node !== undefined) return node;
    const filters = call?.filters?.length ?? 0;
    const why =
      filters === 0
        ? 'it is registered without nodes'
        : `its ${filters === 1 ? 'filter' : `${filters} filters`} left none`;
    throw selectorError(CODE.unavailable, `no node of '${service}' can be chosen: ${why}`);
  };

  const poolOf = (service: string): ServicePool => {
    if (maxServices > 0 && pools.size >= maxServices) {
      for (const first of pools.keys()) {
        pools.delete(first);
        break;
      }
    }
    const pool = servicePool();
    pools.set(service, pool);
    return pool;
  };

  return {
    name: 'registry',

    select(service, call) {
      const records = registry.getService(service, call);
      // Kept apart from the promise, so that a call whose records are known costs none.
      return isKnown(records) ? choose(service, records, call) : records.then((known) => choose(service, known, call));
    },

    mark(service, node, error) {
      pools.get(service)?.mark(node, error);
    },

    reset(service) {
      pools.delete(service);
    },

    async close() {
      pools.clear();
    },
  };
}

function isKnown(
  records: readonly ServiceRecord[] | Promise<readonly ServiceRecord[]>,
): records is readonly ServiceRecord[] {
  return Array.isArray(records);
}

function selectorError(code: typeof CODE.notFound | typeof CODE.unavailable, detail: string): MicroError {
  return new MicroError({ id: 'go.micro.selector', code, detail, unexecuted: code === CODE.unavailable });
}
