/** Below this many units every value has a bucket of its own. */
const EXACT = 128;
/** Above, every power of two is split in so many buckets: a figure is off by less than 1.6 %. */
const STEPS = 64;
const STEP_BITS = 6;
/** One unit is 0.1 µs; the largest value is then 214 s. */
const UNITS_PER_MS = 10_000;
const MAX_UNITS = 2 ** 31 - 1;
const BUCKETS = EXACT + (31 - 7) * STEPS;

/** Counts durations in memory that does not grow, so that measuring does not show up in the RSS it measures. */
export interface Histogram {
  add(ms: number): void;
  clear(): void;
  /** The duration that a share (0 to 1) of all stayed within, in microseconds; 0 when there are none. */
  percentileUs(share: number): number;
}

/** An empty histogram. */
export function createHistogram(): Histogram {
  const counts = new Uint32Array(BUCKETS);
  let total = 0;
  return {
    add(ms) {
      const units = Math.min(Math.round(ms * UNITS_PER_MS), MAX_UNITS);
      const bucket = bucketOf(units);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
      total++;
    },
    clear() {
      counts.fill(0);
      total = 0;
    },
    percentileUs(share) {
      if (total === 0) return 0;
      let left = Math.max(1, Math.ceil(total * share));
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        left -= counts[bucket] ?? 0;
        if (left <= 0) return middleOf(bucket) / (UNITS_PER_MS / 1_000);
      }
      return MAX_UNITS / (UNITS_PER_MS / 1_000);
    },
  };
}

function bucketOf(units: number): number {
  if (units < EXACT) return units;
  const power = 31 - Math.clz32(units);
  return EXACT + (power - 7) * STEPS + ((units >>> (power - STEP_BITS)) & (STEPS - 1));
}

function middleOf(bucket: number): number {
  if (bucket < EXACT) return bucket;
  const power = 7 + Math.floor((bucket - EXACT) / STEPS);
  const width = 2 ** (power - STEP_BITS);
  return 2 ** power + ((bucket - EXACT) % STEPS) * width + width / 2;
}
