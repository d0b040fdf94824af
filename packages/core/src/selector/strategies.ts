import type { Node } from '../contract/registry.ts';
import type { Strategy } from '../contract/selector.ts';

/** Any node, each as likely as the next: go-micro's default. */
export function random(): Strategy {
  return (nodes) => at(nodes, anyOf(nodes.length));
}

/**
 * One node after the other, across calls, beginning anywhere so that many clients do not begin at the same node.
 * go-micro's counts anew for each call, which makes it a random one.
 */
export function roundRobin(): Strategy {
  // A list of nodes is the same array until it changes, so it stands for its service here.
  const turns = new WeakMap<readonly Node[], { next: number }>();
  return (nodes) => {
    let turn = turns.get(nodes);
    if (turn === undefined) {
      turn = { next: anyOf(nodes.length) };
      turns.set(nodes, turn);
    }
    const node = at(nodes, turn.next);
    turn.next = turn.next + 1 < nodes.length ? turn.next + 1 : 0;
    return node;
  };
}

/**
 * Of two nodes chosen at random the one that fewer calls of this selector are waiting for. That keeps clear of slow nodes
 * nearly as well as looking at all of them would, at a cost that does not grow with their number.
 */
export function leastBusy(): Strategy {
  return (nodes, inFlight) => {
    const { length } = nodes;
    const first = anyOf(length);
    if (length === 1) return at(nodes, first);
    const other = anyOf(length - 1);
    const a = at(nodes, first);
    const b = at(nodes, other < first ? other : other + 1);
    return inFlight(b) < inFlight(a) ? b : a;
  };
}

function anyOf(count: number): number {
  return Math.floor(Math.random() * count);
}

function at(nodes: readonly Node[], index: number): Node {
  const node = nodes[index];
  if (node === undefined) throw new RangeError('a strategy needs at least one node to choose from');
  return node;
}
