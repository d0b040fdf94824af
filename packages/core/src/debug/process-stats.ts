import { PerformanceObserver } from 'node:perf_hooks';
import type { Stats } from '../contract/debug.ts';

/** What a server counts. */
export interface Counters {
  readonly requests: number;
  readonly errors: number;
}

/** Looks at the process. */
export interface ProcessStats {
  /** Begins to look, and to count the time of garbage collection. */
  start(): void;
  /** What is so now. */
  read(counters: Counters): Stats;
  /** Looks no more. */
  stop(): void;
}

const NANOSECONDS_PER_MS = 1e6;

/**
 * What go-micro's stats say, about a Node process: the heap, the handles that keep it alive in the place of goroutines, and
 * the time spent in garbage collection since `start`.
 */
export function processStats(): ProcessStats {
  let started = Date.now();
  let gcMs = 0;
  let observer: PerformanceObserver | undefined;
  return {
    start() {
      if (observer !== undefined) return;
      started = Date.now();
      gcMs = 0;
      observer = new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) gcMs += duration;
      });
      observer.observe({ entryTypes: ['gc'] });
    },
    read({ requests, errors }) {
      const timestamp = Date.now();
      return {
        timestamp: seconds(timestamp),
        started: seconds(started),
        uptime: seconds(timestamp - started),
        memory: BigInt(process.memoryUsage().heapUsed),
        threads: BigInt(process.getActiveResourcesInfo().length),
        gc: BigInt(Math.round(gcMs * NANOSECONDS_PER_MS)),
        requests: BigInt(requests),
        errors: BigInt(errors),
      };
    },
    stop() {
      observer?.disconnect();
      observer = undefined;
    },
  };
}

function seconds(ms: number): bigint {
  return BigInt(Math.floor(ms / 1_000));
}
