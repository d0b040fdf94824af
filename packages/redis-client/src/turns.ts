/** Those who come for the same thing, one after the other, in the order in which they came. */
export interface Turns<T> {
  /** Whether it is its turn at once. Whoever comes for nothing in particular never waits. */
  enter(one: T): boolean;
  /** Ends its turn, or its waiting, and returns whose turn it is now, if that is news. */
  leave(one: T): T | undefined;
}

/** Turns, by what each of them comes for. Only what somebody has come for takes memory. */
export function turnsOf<T>(turnOf: (one: T) => string | undefined): Turns<T> {
  /** The first one's turn it is. */
  const lines = new Map<string, Set<T>>();

  return {
    enter(one) {
      const turn = turnOf(one);
      if (turn === undefined) return true;
      const line = lines.get(turn);
      line?.add(one);
      if (line === undefined) lines.set(turn, new Set([one]));
      return line === undefined;
    },

    leave(one) {
      const turn = turnOf(one);
      const line = turn === undefined ? undefined : lines.get(turn);
      if (turn === undefined || line === undefined) return undefined;
      const [first] = line;
      line.delete(one);
      if (line.size === 0) lines.delete(turn);
      const [next] = line;
      return first === one ? next : undefined;
    },
  };
}
