/** Decides how many messages one subscription asks for. */
export interface Prefetch {
  /** How many it may hold now, with those that were asked for. */
  readonly size: number;
  /** One was handled. */
  handled(now: number): void;
  /** There was nothing to do for a while. */
  idle(): void;
}

/** So much work may wait here, in milliseconds: enough to hide the way to the server, too little to be missed elsewhere. */
const AHEAD_MS = 50;
const MEASURE_MS = 100;

/**
 * As many as there are handlers, and as many more as they do in 50 ms: a subscriber with quick handlers is never without work,
 * and one with slow handlers takes nothing that another one of its queue could begin with.
 */
export function createPrefetch(concurrency: number, most: number): Prefetch {
  const least = concurrency;
  let size = least;
  let count = 0;
  let since = performance.now();
  return {
    get size() {
      return size;
    },
    handled(now) {
      count += 1;
      // The first ones say something too: a burst should not wait for the measure.
      const elapsed = now - since;
      if (elapsed < MEASURE_MS && count < size * 2) return;
      const perMs = count / Math.max(elapsed, 0.1);
      size = Math.min(Math.max(most, least), least + Math.floor(perMs * AHEAD_MS));
      count = 0;
      since = now;
    },
    idle() {
      size = least;
      count = 0;
      since = performance.now();
    },
  };
}
