import assert from 'node:assert/strict';
import type { Node, Registry, ServiceRecord } from '../contract/registry.ts';
import type { Filter, SelectOptions, Selector, Strategy } from '../contract/selector.ts';
import { MicroError } from '../error/micro-error.ts';
import { eventually, within } from './eventually.ts';

/** One private universe of selectors that choose from one registry. */
export interface SelectorWorld {
  /** What is registered here is what the selectors choose from. */
  readonly registry: Registry;
  create(): Selector | Promise<Selector>;
  /** Closes what was made. */
  close(): void | Promise<void>;
}

/** How often something random is tried; that it misses one of two nodes each time is as good as impossible. */
const MANY = 100;

/** What every selector has to do. */
export const selectorCases: Readonly<Record<string, (world: SelectorWorld) => Promise<void>>> = {
  'a service that is not registered is a 404': async (world) => {
    const selector = await world.create();
    await assert.rejects(async () => selector.select('nobody'), { code: 404 });
  },

  'a registered node is selected as it is registered': async (world) => {
    const selector = await ready(world, node(1));
    const chosen = await selector.select('greeter');
    assert.deepEqual(
      [chosen.id, chosen.address, { ...chosen.metadata }],
      ['greeter-1', node(1).address, node(1).metadata],
    );
    selector.mark('greeter', chosen);
  },

  'every node is selected some time, of every version': async (world) => {
    await world.registry.register({ ...greeter(node(3)), version: '2.0.0' });
    const selector = await ready(world, node(1), node(2));
    await eventually(async () => assert.deepEqual(await selected(selector), ['greeter-1', 'greeter-2', 'greeter-3']));
  },

  'filters are applied in order, and what is left is selected from': async (world) => {
    const selector = await ready(world, node(1), node(2), node(3));
    const seen: number[] = [];
    const drop =
      (id: string): Filter =>
      (services) => {
        seen.push(services.flatMap(({ nodes }) => nodes).length);
        return services.map((service) => ({ ...service, nodes: service.nodes.filter((one) => one.id !== id) }));
      };
    assert.deepEqual(await selected(selector, { filters: [drop('greeter-1'), drop('greeter-3')] }), ['greeter-2']);
    assert.deepEqual(seen.slice(0, 2), [3, 2]);
  },

  'filters that leave nothing are a 503': async (world) => {
    const selector = await ready(world, node(1));
    await assert.rejects(async () => selector.select('greeter', { filters: [() => []] }), { code: 503 });
    const noNodes: Filter = (services) => services.map((service) => ({ ...service, nodes: [] }));
    await assert.rejects(async () => selector.select('greeter', { filters: [noNodes] }), { code: 503 });
  },

  'filters that are used again see records that changed': async (world) => {
    const selector = await ready(world, node(1), node(2));
    const filters: Filter[] = [
      (services) =>
        services.map((service) => ({ ...service, nodes: service.nodes.filter(({ id }) => id !== 'greeter-1') })),
    ];
    assert.deepEqual(await selected(selector, { filters }), ['greeter-2']);
    await world.registry.register(greeter(node(3)));
    await eventually(async () => assert.deepEqual(await selected(selector, { filters }), ['greeter-2', 'greeter-3']));
  },

  'the strategy of a call chooses, and knows how many calls each node is busy with': async (world) => {
    const selector = await ready(world, node(1), node(2));
    const counts: string[] = [];
    const strategy: Strategy = (nodes, inFlight) => {
      const sorted = [...nodes].sort((a, b) => (a.id < b.id ? -1 : 1));
      counts.push(sorted.map(inFlight).join());
      return sorted[0] as Node;
    };
    const first = await selector.select('greeter', { strategy });
    const second = await selector.select('greeter', { strategy });
    selector.mark('greeter', first);
    selector.mark('greeter', await selector.select('greeter', { strategy }));
    selector.mark('greeter', second, new Error('it failed'));
    selector.mark('greeter', await selector.select('greeter', { strategy }));
    assert.deepEqual(counts, ['0,0', '1,0', '1,0', '0,0']);
  },

  'a node that was tried is selected again only if there is no other': async (world) => {
    const selector = await ready(world, node(1), node(2));
    assert.deepEqual(await selected(selector, { exclude: [node(1)] }), ['greeter-2']);
    assert.deepEqual(await selected(selector, { exclude: [node(1), node(2)] }), ['greeter-1', 'greeter-2']);
    const elsewhere = { ...node(1), address: '127.0.0.1:9999' };
    assert.deepEqual(await selected(selector, { exclude: [elsewhere] }), ['greeter-1', 'greeter-2']);
  },

  'a node that cannot be reached is set aside, and taken back when it is reached again': async (world) => {
    const selector = await ready(world, node(1), node(2));
    // A pause may be short, but not time and again while it grows.
    await eventually(async () => {
      await refuse(selector, 'greeter-1', 1);
      assert.deepEqual(await selected(selector, {}, 10), ['greeter-2']);
    });
    // After its pause one call goes there, and comes back with an answer.
    await eventually(async () => assert.deepEqual(await selected(selector), ['greeter-1', 'greeter-2']), {
      timeoutMs: 15_000,
    });
  },

  'a node that answers with an error is not set aside': async (world) => {
    const selector = await ready(world, node(1), node(2));
    for (const code of [400, 404, 500, 503]) {
      for (let times = 0; times < 10; times++) {
        selector.mark(
          'greeter',
          await selector.select('greeter', { strategy: named('greeter-1') }),
          new MicroError({ code, detail: 'no' }),
        );
      }
    }
    assert.deepEqual(await selected(selector), ['greeter-1', 'greeter-2']);
  },

  'when no node can be reached, one is selected nevertheless': async (world) => {
    const selector = await ready(world, node(1), node(2));
    for (const id of ['greeter-1', 'greeter-2']) await refuse(selector, id, 5);
    for (let times = 0; times < MANY; times++) {
      selector.mark('greeter', await selector.select('greeter'), unreachable());
    }
  },

  'a node that comes back at another address is not set aside': async (world) => {
    const selector = await ready(world, node(1), node(2));
    await refuse(selector, 'greeter-1', 12);
    const moved = { ...node(1), address: '127.0.0.1:5001' };
    await world.registry.register(greeter(moved));
    await eventually(
      async () => {
        const addresses = new Set<string>();
        for (let times = 0; times < MANY; times++) {
          const chosen = await selector.select('greeter');
          addresses.add(chosen.address);
          selector.mark('greeter', chosen);
        }
        assert.ok(addresses.has(moved.address), `${moved.address} among ${[...addresses].join(', ')}`);
      },
      { timeoutMs: 2_000 },
    );
  },

  'reset forgets what was learned': async (world) => {
    const selector = await ready(world, node(1), node(2));
    await refuse(selector, 'greeter-1', 12);
    selector.reset('greeter');
    assert.deepEqual(await selected(selector), ['greeter-1', 'greeter-2']);
  },

  'marking what was never selected does nothing': async (world) => {
    const selector = await ready(world, node(1));
    selector.mark('nobody', node(1));
    selector.mark('greeter', node(7), unreachable());
    assert.deepEqual(await selected(selector), ['greeter-1']);
  },

  'a selector may be closed twice, and before it was used': async (world) => {
    const selector = await world.create();
    await within('close', selector.close());
    await within('the second close', selector.close());
  },
};

function node(number: number): Node {
  return { id: `greeter-${number}`, address: `127.0.0.1:${4_000 + number}`, metadata: { protocol: 'mucp' } };
}

function greeter(...nodes: Node[]): ServiceRecord {
  return { name: 'greeter', version: '1.0.0', metadata: {}, endpoints: [], nodes };
}

function unreachable(): MicroError {
  return new MicroError({ code: 503, detail: 'connection refused', unexecuted: true });
}

/** A strategy that chooses the node of that id whenever it may. */
function named(id: string): Strategy {
  return (nodes) => nodes.find((one) => one.id === id) ?? (nodes[0] as Node);
}

/** A selector that knows these nodes. */
async function ready(world: SelectorWorld, ...nodes: Node[]): Promise<Selector> {
  await world.registry.register(greeter(...nodes));
  const selector = await world.create();
  await eventually(async () => {
    for (const { id } of nodes) {
      const chosen = await selector.select('greeter', { strategy: named(id) });
      selector.mark('greeter', chosen);
      assert.equal(chosen.id, id);
    }
  });
  return selector;
}

/** Makes many calls that all succeed, and returns the ids of the nodes they went to. */
async function selected(selector: Selector, options: SelectOptions = {}, times = MANY): Promise<string[]> {
  const ids = new Set<string>();
  for (let call = 0; call < times; call++) {
    const chosen = await selector.select('greeter', options);
    ids.add(chosen.id);
    selector.mark('greeter', chosen);
  }
  return [...ids].sort();
}

/** Lets a node refuse so many calls, one after its pause is over, until its pause is long. */
async function refuse(selector: Selector, id: string, times: number): Promise<void> {
  for (let refused = 0; refused < times; ) {
    // Only those filters let a node through that is set aside: the others are not there for them.
    const only: Filter = (services) =>
      services.map((service) => ({ ...service, nodes: service.nodes.filter((one) => one.id === id) }));
    const chosen = await selector.select('greeter', { filters: [only] });
    assert.equal(chosen.id, id);
    selector.mark('greeter', chosen, unreachable());
    refused++;
  }
}
