import type { Node, ServiceRecord } from '../contract/registry.ts';
import type { Filter, Strategy } from '../contract/selector.ts';
import { now } from '../util/clock.ts';
import { clear, type NodeHealth, newHealth, probe, reached, setAside } from './node-health.ts';

/** The nodes that are left of a service's records, ready to be chosen from. */
interface Candidates {
  /** All that the filters left. */
  readonly nodes: readonly Node[];
  /** Those that are not set aside; the same array as `nodes` while none is. */
  usable: readonly Node[];
  /** Which state of what is set aside `usable` was made of. */
  usableOf: number;
  /** Made when it is first needed. */
  members: Set<Node> | undefined;
}

/** The nodes of one service and what is known of them. */
export interface ServicePool {
  /**
   * A node of these records, or `undefined` when the filters left none. It costs the same however many nodes there are, as
   * long as the records and the filters are the same arrays as before and no node is excluded.
   */
  choose(
    records: readonly ServiceRecord[],
    filters: readonly Filter[] | undefined,
    strategy: Strategy,
    exclude: readonly Node[] | undefined,
  ): Node | undefined;
  mark(node: Node, error: Error | undefined): void;
}

/** How often a strategy is asked for a node that is not excluded, before it is asked about a list without them. */
const TRIES = 4;

/** Makes the pool of one service. */
export function servicePool(): ServicePool {
  let records: readonly ServiceRecord[] | undefined;
  let everything = candidatesOf([]);
  let filtered = new WeakMap<readonly Filter[], Candidates>();
  let generation = 0;
  /** By the node as the registry handed it out, also after it was replaced, for the calls that are still on it. */
  const healths = new WeakMap<Node, NodeHealth>();
  const aside = new Set<NodeHealth>();
  /** Grows when a node is set aside or taken back. */
  let asideState = 0;
  /** Before then nothing is due. */
  let nextDue = Number.POSITIVE_INFINITY;

  const inFlight = (node: Node): number => healths.get(node)?.inFlight ?? 0;

  /** Takes over other records; what is known of nodes that are still there, at the same address, is kept. */
  const update = (next: readonly ServiceRecord[]): void => {
    const before = everything.nodes;
    records = next;
    everything = candidatesOf(nodesOf(next));
    filtered = new WeakMap();
    generation++;
    let known: Map<string, NodeHealth> | undefined;
    for (const node of everything.nodes) {
      let health = healths.get(node);
      if (health === undefined) {
        known ??= byIdentity(before, healths);
        health = known.get(identity(node)) ?? newHealth(node, generation);
        healths.set(node, health);
      }
      health.node = node;
      health.generation = generation;
    }
    for (const health of aside) {
      if (health.generation === generation) continue;
      clear(health);
      aside.delete(health);
    }
    asideChanged();
  };

  const asideChanged = (): void => {
    asideState++;
    dueChanged();
  };

  const dueChanged = (): void => {
    nextDue = Number.POSITIVE_INFINITY;
    for (const { until } of aside) nextDue = Math.min(nextDue, until);
  };

  const candidatesFor = (filters: readonly Filter[] | undefined): Candidates => {
    if (filters === undefined || filters.length === 0) return everything;
    let candidates = filtered.get(filters);
    if (candidates === undefined) {
      let left = records ?? [];
      for (const filter of filters) left = filter(left);
      candidates = candidatesOf(nodesOf(left));
      filtered.set(filters, candidates);
      // A filter may make nodes of its own; what is known of the registry's is known of them.
      const own = candidates.nodes.filter((node) => !healths.has(node));
      const known = own.length === 0 ? undefined : byIdentity(everything.nodes, healths);
      for (const node of own) healths.set(node, known?.get(identity(node)) ?? newHealth(node, generation));
    }
    return candidates;
  };

  const isAside = (node: Node): boolean => {
    const health = healths.get(node);
    return health !== undefined && aside.has(health);
  };

  const usableOf = (candidates: Candidates): readonly Node[] => {
    if (candidates.usableOf !== asideState) {
      candidates.usableOf = asideState;
      const { nodes } = candidates;
      candidates.usable = aside.size > 0 && nodes.some(isAside) ? nodes.filter((node) => !isAside(node)) : nodes;
    }
    return candidates.usable;
  };

  /** One of these that was set aside: the one that is due if `dueAt` is given, else the one that will be due first. */
  const fromAside = (
    candidates: Candidates,
    exclude: readonly Node[] | undefined,
    dueAt?: number,
  ): Node | undefined => {
    candidates.members ??= new Set(candidates.nodes.map((node) => healths.get(node)?.node ?? node));
    let best: NodeHealth | undefined;
    for (const health of aside) {
      if (dueAt !== undefined && health.until > dueAt) continue;
      if (best !== undefined && health.until >= best.until) continue;
      if (candidates.members.has(health.node) && !isAmong(health.node, exclude)) best = health;
    }
    if (best === undefined) return undefined;
    probe(best, now());
    dueChanged();
    return best.node;
  };

  const choose = (
    candidates: Candidates,
    strategy: Strategy,
    exclude: readonly Node[] | undefined,
  ): Node | undefined => {
    if (aside.size === 0)
      return strategyOrOther(candidates.nodes, strategy, exclude) ?? lastResort(candidates, strategy);
    const time = now();
    const due = time >= nextDue ? fromAside(candidates, exclude, time) : undefined;
    return (
      due ??
      strategyOrOther(usableOf(candidates), strategy, exclude) ??
      fromAside(candidates, exclude) ??
      lastResort(candidates, strategy)
    );
  };

  /** Every node was tried already, so one of them is tried again. */
  const lastResort = (candidates: Candidates, strategy: Strategy): Node | undefined =>
    strategyOrOther(usableOf(candidates), strategy, undefined) ?? fromAside(candidates, undefined);

  const strategyOrOther = (
    nodes: readonly Node[],
    strategy: Strategy,
    exclude: readonly Node[] | undefined,
  ): Node | undefined => {
    if (nodes.length === 0) return undefined;
    if (exclude === undefined || exclude.length === 0) return strategy(nodes, inFlight);
    for (let tries = 0; tries < TRIES; tries++) {
      const node = strategy(nodes, inFlight);
      if (!isAmong(node, exclude)) return node;
    }
    const others = nodes.filter((node) => !isAmong(node, exclude));
    return others.length === 0 ? undefined : strategy(others, inFlight);
  };

  return {
    choose(next, filters, strategy, exclude) {
      if (next !== records) update(next);
      const candidates = candidatesFor(filters);
      if (candidates.nodes.length === 0) return undefined;
      const node = choose(candidates, strategy, exclude);
      const health = node === undefined ? undefined : healths.get(node);
      if (health !== undefined) health.inFlight++;
      return node;
    },

    mark(node, error) {
      const health = healths.get(node);
      if (health === undefined) return;
      if (health.inFlight > 0) health.inFlight--;
      const isReached = reached(error);
      if (isReached === true) {
        if (clear(health) && aside.delete(health)) asideChanged();
      } else if (isReached === false && health.generation === generation && setAside(health)) {
        aside.add(health);
        asideChanged();
      }
    },
  };
}

function candidatesOf(nodes: readonly Node[]): Candidates {
  return { nodes, usable: nodes, usableOf: -1, members: undefined };
}

/** The nodes of all records; the array itself where one record has them all. */
function nodesOf(records: readonly ServiceRecord[]): readonly Node[] {
  const [first, ...others] = records;
  return first !== undefined && others.length === 0 ? first.nodes : records.flatMap(({ nodes }) => nodes);
}

/** A node that was started again elsewhere is another one. */
function identity({ id, address }: Node): string {
  return `${address} ${id}`;
}

function byIdentity(nodes: readonly Node[], healths: WeakMap<Node, NodeHealth>): Map<string, NodeHealth> {
  const known = new Map<string, NodeHealth>();
  for (const node of nodes) {
    const health = healths.get(node);
    if (health !== undefined) known.set(identity(node), health);
  }
  return known;
}

function isAmong(node: Node, others: readonly Node[] | undefined): boolean {
  return others?.some((other) => other === node || (other.id === node.id && other.address === node.address)) === true;
}
