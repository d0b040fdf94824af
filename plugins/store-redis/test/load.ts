import { type Logger, MicroError, type Store } from '@micro/core';
import { eventually } from '@micro/core/conformance';

/** How a call ended that failed. */
export interface Failure {
  readonly error: MicroError;
  readonly tookMs: number;
  readonly at: number;
}

/** Writers and readers at work. */
export interface Load {
  /** The keys whose write was acknowledged. */
  readonly kept: readonly string[];
  readonly failures: readonly Failure[];
  /** The slowest call so far, in milliseconds. */
  slowestMs(): number;
  /** When the last call succeeded, on the clock of `performance.now()`. */
  succeededAt(): number;
  /** Resolves once something that was begun after now has succeeded, with how long that took, in milliseconds. */
  works(timeoutMs?: number): Promise<number>;
  /** Ends it, when the calls under way have. */
  stop(): Promise<void>;
}

/** Puts a store under load: each writer writes new keys one after the other, and reads each of them back. */
export function putLoad(store: Store, { writers = 8, prefix = 'load' } = {}): Load {
  const kept: string[] = [];
  const failures: Failure[] = [];
  let slowest = 0;
  let succeeded = 0;
  let begunOfSuccess = 0;
  let isOn = true;

  const timed = async (run: () => Promise<unknown>): Promise<boolean> => {
    const begun = performance.now();
    try {
      await run();
      succeeded = performance.now();
      begunOfSuccess = Math.max(begunOfSuccess, begun);
      return true;
    } catch (error) {
      if (!(error instanceof MicroError)) throw error;
      failures.push({ error, tookMs: performance.now() - begun, at: performance.now() });
      // Nobody asks a server that is gone as fast as the machine allows.
      await new Promise((resolve) => setTimeout(resolve, 20));
      return false;
    } finally {
      slowest = Math.max(slowest, performance.now() - begun);
    }
  };

  const write = async (writer: number): Promise<void> => {
    for (let count = 0; isOn; count++) {
      const key = `${prefix}-${writer}-${count}`;
      if (await timed(() => store.write({ key, value: Buffer.from(key) }))) kept.push(key);
      await timed(() => store.read(key));
    }
  };
  const writing = Array.from({ length: writers }, (_, writer) => write(writer));

  return {
    kept,
    failures,
    slowestMs: () => slowest,
    succeededAt: () => succeeded,
    async works(timeoutMs = 30_000) {
      const from = performance.now();
      await eventually(
        () => {
          if (begunOfSuccess < from) throw new Error('nothing has succeeded since');
        },
        { timeoutMs },
      );
      return performance.now() - from;
    },
    async stop() {
      isOn = false;
      await Promise.all(writing);
    },
  };
}

/** The keys that were acknowledged and are not there. */
export async function lostOf(store: Store, { kept }: Load): Promise<readonly string[]> {
  const there = new Set(await store.list());
  return kept.filter((key) => !there.has(key));
}

/** A logger that keeps its lines. */
export function linesLogger(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const logger = {
    name: 'lines',
    lines,
    enabled: () => true,
    log: (level: string, message: string) => void lines.push(`${level} ${message}`),
    logf: () => {},
    fields: () => logger,
  };
  return logger;
}

/** Prints how long something took, for the table in the README, when `MICRO_TEST_TIMES` is set. */
export function took(what: string, ms: number): void {
  if (process.env.MICRO_TEST_TIMES) console.log(`${what}: ${Math.round(ms)} ms`);
}
