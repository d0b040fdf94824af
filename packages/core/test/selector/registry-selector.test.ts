import { afterEach, describe, expect, it, test, vi } from 'vitest';
import { runConformance } from '../../src/conformance/run.ts';
import { selectorCases } from '../../src/conformance/selector.ts';
import type { Node, Registry, ServiceRecord } from '../../src/contract/registry.ts';
import type { SelectOptions, Selector } from '../../src/contract/selector.ts';
import { CODE } from '../../src/error/code.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { cachedRegistry } from '../../src/registry/cached-registry.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';
import { filterLabel } from '../../src/selector/filters.ts';
import { type RegistrySelectorOptions, registrySelector } from '../../src/selector/registry-selector.ts';
import { leastBusy, random, roundRobin } from '../../src/selector/strategies.ts';

for (const [name, strategy] of Object.entries({ leastBusy, random, roundRobin })) {
  for (const cached of name === 'leastBusy' ? [true, false] : [true]) {
    describe(`registrySelector with ${name} on ${cached ? 'a cached' : 'an uncached'} registry conforms`, () => {
      runConformance({
        test,
        cases: selectorCases,
        world: () => {
          const memory = memoryRegistry();
          const registry: Registry = cached ? cachedRegistry(memory) : memory;
          const made: Selector[] = [];
          return {
            registry,
            create: () => {
              const selector = registrySelector({ registry, strategy: strategy() });
              made.push(selector);
              return selector;
            },
            close: async () => {
              for (const selector of made) await selector.close();
              await registry.close();
              await memory.close();
            },
          };
        },
      });
    });
  }
}

const world = async (count: number, options: Partial<RegistrySelectorOptions> = {}) => {
  const memory = memoryRegistry();
  const registry = cachedRegistry(memory, { ttlMs: 0 });
  const nodes = Array.from({ length: count }, (_, index) => node(index + 1));
  await registry.register(record(...nodes));
  const selector = registrySelector({ registry, ...options });
  selector.mark('greeter', await selector.select('greeter'));
  return { memory, registry, selector, nodes };
};

function node(number: number, address = `127.0.0.1:${4_000 + number}`): Node {
  return { id: `greeter-${number}`, address, metadata: { zone: number % 2 === 0 ? 'even' : 'odd' } };
}

function record(...nodes: Node[]): ServiceRecord {
  return { name: 'greeter', version: '1', metadata: {}, endpoints: [], nodes };
}

function refused(): MicroError {
  return new MicroError({ code: CODE.unavailable, detail: 'connection refused', unexecuted: true });
}

/** Selects without waiting, which a selector can when its records are known. */
function now(selector: Selector, options?: SelectOptions): Node {
  const chosen = selector.select('greeter', options);
  if (chosen instanceof Promise) throw new Error('the selector waited');
  return chosen;
}

describe('registrySelector', () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('does not wait when the records are known, and passes the signal on when they are not', async () => {
    const { selector } = await world(1);
    expect(now(selector).id).toBe('greeter-1');
    await expect(selector.select('other', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: CODE.cancelled,
    });
  });

  it('applies the filters of one array once, until the records change', async () => {
    const { selector, registry } = await world(3);
    const filter = vi.fn(filterLabel('zone', 'even'));
    const filters = [filter];
    for (let times = 0; times < 5; times++) expect(now(selector, { filters }).id).toBe('greeter-2');
    expect(filter).toHaveBeenCalledTimes(1);
    await registry.register(record(node(5)));
    now(selector, { filters });
    expect(filter).toHaveBeenCalledTimes(2);
  });

  it('sets a node aside for a pause that doubles from 100 ms to 10 s, and lets one call through when it is over', async () => {
    const { selector } = await world(2);
    vi.useFakeTimers({ toFake: ['performance'] });
    vi.spyOn(Math, 'random').mockReturnValue(0.999_999);
    const first: SelectOptions = {
      strategy: (nodes) => nodes.find(({ id }) => id === 'greeter-1') ?? (nodes[0] as Node),
    };
    selector.mark('greeter', now(selector, first), refused());
    for (const pause of [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]) {
      expect(now(selector, first).id).toBe('greeter-2');
      vi.advanceTimersByTime(pause - 1);
      expect(now(selector, first).id).toBe('greeter-2');
      vi.advanceTimersByTime(1);
      const probe = now(selector, first);
      expect(probe.id).toBe('greeter-1');
      expect(now(selector, first).id).toBe('greeter-2');
      selector.mark('greeter', probe, refused());
    }
    vi.advanceTimersByTime(10_000);
    selector.mark('greeter', now(selector, first));
    expect(now(selector, first).id).toBe('greeter-1');
    selector.mark('greeter', now(selector, first), refused());
    vi.advanceTimersByTime(100);
    expect(now(selector, first).id).toBe('greeter-1');
  });

  it('counts the failures of calls that were on their way together as one', async () => {
    const { selector } = await world(2);
    vi.useFakeTimers({ toFake: ['performance'] });
    vi.spyOn(Math, 'random').mockReturnValue(0.999_999);
    const first: SelectOptions = {
      strategy: (nodes) => nodes.find(({ id }) => id === 'greeter-1') ?? (nodes[0] as Node),
    };
    const calls = Array.from({ length: 64 }, () => now(selector, first));
    for (const call of calls) selector.mark('greeter', call, refused());
    vi.advanceTimersByTime(100);
    expect(now(selector, first).id).toBe('greeter-1');
  });

  it('learns nothing about a node from a call that ran out of time', async () => {
    const { selector } = await world(2);
    const first: SelectOptions = {
      strategy: (nodes) => nodes.find(({ id }) => id === 'greeter-1') ?? (nodes[0] as Node),
    };
    selector.mark('greeter', now(selector, first), new MicroError({ code: CODE.timeout, detail: 'too late' }));
    expect(now(selector, first).id).toBe('greeter-1');
  });

  it('keeps what it knows of a node whose metadata changed, and forgets a node that went away', async () => {
    const { selector, registry } = await world(2);
    const counts = (): number[] => {
      let seen: number[] = [];
      const chosen = now(selector, {
        strategy: (nodes, inFlight) => {
          seen = [...nodes].sort((a, b) => (a.id < b.id ? -1 : 1)).map(inFlight);
          return nodes[0] as Node;
        },
      });
      selector.mark('greeter', chosen);
      return seen;
    };
    const call = now(selector, {
      filters: [(services) => services.map((one) => ({ ...one, nodes: one.nodes.slice(0, 1) }))],
    });
    expect(counts()).toEqual([1, 0]);
    await registry.register(record({ ...node(1), metadata: { zone: 'other' } }));
    expect(counts()).toEqual([1, 0]);
    await registry.deregister(record(node(1)));
    expect(counts()).toEqual([0]);
    await registry.register(record(node(1)));
    expect(counts()).toEqual([0, 0]);
    selector.mark('greeter', call);
    expect(counts()).toEqual([0, 0]);
  });

  it('costs the same for ten thousand nodes as for ten, and nothing that grows per call', async () => {
    const time = async (count: number): Promise<number> => {
      const { selector } = await world(count);
      const run = (calls: number): number => {
        const begun = performance.now();
        for (let call = 0; call < calls; call++) selector.mark('greeter', now(selector));
        return performance.now() - begun;
      };
      run(50_000);
      return Math.min(...Array.from({ length: 5 }, () => run(20_000)));
    };
    // A scan of all nodes would cost a thousand times as much; caches of the processor account for a few times.
    expect(await time(10_000)).toBeLessThan(30 * (await time(10)) + 20);
  });

  it('keeps pools of so many services and no more', async () => {
    const { selector, registry } = await world(1, { maxServices: 2 });
    for (const name of ['a', 'b', 'c']) {
      await registry.register({ ...record(node(1)), name });
      selector.mark(name, await selector.select(name));
    }
    expect(now(selector).id).toBe('greeter-1');
  });
});
