/** The last things that were put in, numbered from 0 since the beginning. */
export interface Ring<T> {
  /** The number of the next one. */
  readonly end: number;
  push(item: T): void;
  /** Those that are still there, the oldest first; with a number, only from that one on. */
  read(from?: number): readonly T[];
}

/** Keeps the last `size` things that are put in; 0 keeps none. */
export function createRing<T>(size: number): Ring<T> {
  const items: T[] = [];
  let end = 0;
  return {
    get end() {
      return end;
    },
    push(item) {
      if (size > 0) items[end % size] = item;
      end += 1;
    },
    read(from = 0) {
      const first = Math.max(from, end - size, 0);
      const at = first % size;
      const count = end - first;
      if (count <= 0) return [];
      return at + count <= items.length
        ? items.slice(at, at + count)
        : [...items.slice(at), ...items.slice(0, at + count - items.length)];
    },
  };
}
