import { describe, expect, it } from 'vitest';
import type { Node, ServiceRecord } from '../../src/contract/registry.ts';
import { filterEndpoint, filterLabel, filterVersion } from '../../src/selector/filters.ts';
import { leastBusy, random, roundRobin } from '../../src/selector/strategies.ts';

const nodes: readonly Node[] = ['a', 'b', 'c', 'd'].map((id) => ({ id, address: `${id}:1`, metadata: { zone: id } }));
const idle = () => 0;

function count(pick: () => Node, times: number): Record<string, number> {
  const counts: Record<string, number> = { a: 0, b: 0, c: 0, d: 0 };
  for (let turn = 0; turn < times; turn++) {
    const { id } = pick();
    counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts;
}

describe('strategies', () => {
  it('random chooses each node about as often as any other', () => {
    const strategy = random();
    for (const times of Object.values(count(() => strategy(nodes, idle), 8_000))) {
      expect(times).toBeGreaterThan(1_700);
      expect(times).toBeLessThan(2_300);
    }
  });

  it('round robin goes through the nodes in turn, for each list by itself', () => {
    const strategy = roundRobin();
    const two = nodes.slice(0, 2);
    const seen = new Map<readonly Node[], string[]>([
      [nodes, []],
      [two, []],
    ]);
    for (let turn = 0; turn < 8; turn++) for (const [list, ids] of seen) ids.push(strategy(list, idle).id);
    for (const [list, ids] of seen) {
      const start = list.findIndex(({ id }) => id === ids[0]);
      expect(ids).toEqual(Array.from({ length: 8 }, (_, turn) => list[(start + turn) % list.length]?.id));
    }
  });

  it('least busy never chooses the busiest node of all while it has a choice, and spreads evenly when all are idle', () => {
    const strategy = leastBusy();
    const busy = (node: Node) => (node.id === 'c' ? 5 : 0);
    expect(count(() => strategy(nodes, busy), 2_000)).toMatchObject({ c: 0 });
    for (const times of Object.values(count(() => strategy(nodes, idle), 8_000))) {
      expect(times).toBeGreaterThan(1_700);
      expect(times).toBeLessThan(2_300);
    }
    expect(strategy(nodes.slice(2, 3), busy).id).toBe('c');
  });

  it('a strategy without nodes to choose from throws', () => {
    for (const strategy of [random(), roundRobin(), leastBusy()]) expect(() => strategy([], idle)).toThrow(RangeError);
  });
});

describe('filters', () => {
  const service = (version: string, endpoints: string[], ...ids: string[]): ServiceRecord => ({
    name: 'greeter',
    version,
    metadata: {},
    endpoints: endpoints.map((name) => ({ name, metadata: {} })),
    nodes: nodes.filter(({ id }) => ids.includes(id)),
  });
  const services = [
    service('1', ['Greeter.Hello'], 'a', 'b'),
    service('2', ['Greeter.Bye'], 'c'),
    service('3', [], 'd'),
  ];
  const left = (kept: readonly ServiceRecord[]) =>
    kept.map(({ version, nodes: some }) => `${version}:${some.map(({ id }) => id)}`);

  it('by version keeps exactly that one', () => {
    expect(left(filterVersion('2')(services))).toEqual(['2:c']);
    expect(filterVersion('20')(services)).toEqual([]);
  });

  it('by endpoint keeps services that have it, and those that list none', () => {
    expect(left(filterEndpoint('Greeter.Hello')(services))).toEqual(['1:a,b', '3:d']);
  });

  it('by label keeps nodes, drops services that have none left, and changes no record', () => {
    expect(left(filterLabel('zone', 'a')(services))).toEqual(['1:a']);
    expect(left(services)).toEqual(['1:a,b', '2:c', '3:d']);
    expect(filterLabel('constructor', 'x')(services)).toEqual([]);
  });
});
