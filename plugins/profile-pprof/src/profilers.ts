import { CODE } from '@micro/core';
import { reasonOf } from '@micro/core/plugin';
import { pprofError } from './pprof-error.ts';
import { createStacks, type Stacks } from './stacks.ts';

type Library = typeof import('@datadog/pprof');

/** A measurement that goes on until it is ended. */
export interface Recording {
  /** What was measured so far. */
  read(): Stacks;
  /** The same for the last time. */
  end(): Stacks;
  /** Ends it without a result; nothing when it has ended. Does not throw. */
  drop(): void;
}

/**
 * The profilers of V8. There is one of each in a thread, whoever asks for it, so those who measure at the same time share
 * it: each gets what happened in its own time.
 */
export interface Profilers {
  /** Records what runs. Throws 409 when the profiler is used with another interval, or by somebody else. */
  recordCpu(intervalMs: number): Recording;
  /** Records what is allocated and not freed again, from the first one that asks on. Throws 409 as well. */
  recordHeap(intervalBytes: number): Recording;
  /** Takes a file for one profile of this process. Throws 409 when another one has it; what it returns gives it back. */
  claim(file: string): () => void;
}

/** How much of a stack the heap profiler keeps: the innermost so many functions. */
const HEAP_DEPTH = 64;

/*
 * V8 has one profiler per thread, and so has the library that drives it: who shares them is known per library, and only
 * while somebody uses them.
 */
const shared = new WeakMap<object, Profilers>();

/**
 * Loads the library, which loads a native addon and listens for the end of the process: that is done by who starts, not by
 * who imports. Throws 501 where there is no addon for this platform.
 */
export async function loadProfilers(): Promise<Profilers> {
  const library = await import('@datadog/pprof').catch((cause: unknown) => {
    throw pprofError(
      CODE.notImplemented,
      `@datadog/pprof has no profiler for ${process.platform} ${process.arch} and node ${process.version}: ${reasonOf(cause)}`,
      cause,
    );
  });
  const known = shared.get(library.time);
  if (known !== undefined) return known;
  const made = createProfilers(library);
  shared.set(library.time, made);
  return made;
}

function createProfilers({ time, heap, SourceMapper }: Library): Profilers {
  // The library drops columns, except where it takes them to be needed elsewhere. They are: `source-positions` needs them.
  const mapper = new SourceMapper();
  mapper.mappingInfo = (location) => ({ ...location, missingMapFile: true });

  const cpu = new Set<Stacks>();
  let cpuIntervalMs = 0;
  const heaps = new Set<symbol>();
  let heapIntervalBytes = 0;
  const claimed = new Set<string>();

  /** Ends a stretch of recording, and gives it to everybody who was there. */
  const cut = (goOn: boolean): void => {
    const stretch = attempt('the cpu profiler was stopped by somebody else', () => time.stop(goOn));
    for (const stacks of cpu) stacks.add(stretch);
  };

  return {
    recordCpu(intervalMs) {
      if (cpu.size > 0 && intervalMs !== cpuIntervalMs) throw differs('cpuIntervalMs', cpuIntervalMs, intervalMs);
      if (cpu.size > 0) cut(true);
      else {
        cpuIntervalMs = intervalMs;
        attempt('the cpu profiler cannot be started', () =>
          time.start({ intervalMicros: Math.round(intervalMs * 1_000), sourceMapper: mapper, columnNumbers: 'emit' }),
        );
      }
      const stacks = createStacks();
      cpu.add(stacks);
      return {
        read() {
          if (cpu.has(stacks)) cut(true);
          return stacks;
        },
        end() {
          try {
            if (cpu.has(stacks)) cut(cpu.size > 1);
          } finally {
            cpu.delete(stacks);
          }
          return stacks;
        },
        drop() {
          if (cpu.delete(stacks) && cpu.size === 0) quietly(() => time.stop());
        },
      };
    },

    recordHeap(intervalBytes) {
      if (heaps.size > 0 && intervalBytes !== heapIntervalBytes) {
        throw differs('heapIntervalBytes', heapIntervalBytes, intervalBytes);
      }
      if (heaps.size === 0) {
        heapIntervalBytes = intervalBytes;
        attempt('the heap profiler cannot be started', () => heap.start(intervalBytes, HEAP_DEPTH));
      }
      const user = Symbol('heap');
      heaps.add(user);
      const read = (): Stacks => {
        const stacks = createStacks();
        const profile = attempt('the heap profiler was stopped by somebody else', () =>
          heap.profile(undefined, mapper, undefined, 'emit'),
        );
        stacks.add(profile);
        return stacks;
      };
      const drop = (): void => {
        if (heaps.delete(user) && heaps.size === 0) quietly(heap.stop);
      };
      return {
        read,
        end() {
          try {
            return read();
          } finally {
            drop();
          }
        },
        drop,
      };
    },

    claim(file) {
      if (claimed.has(file)) {
        throw pprofError(CODE.conflict, `${file} is written by another profile of this process: give them two names`);
      }
      claimed.add(file);
      return () => claimed.delete(file);
    },
  };
}

/** Somebody else may have stopped it, which is what is wanted. */
function quietly(run: () => unknown): void {
  try {
    run();
  } catch {}
}

function attempt<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    throw pprofError(
      CODE.conflict,
      `${what}: ${reasonOf(cause)}; a process has one, so let nothing else in it use @datadog/pprof`,
      cause,
    );
  }
}

function differs(option: string, used: number, wanted: number): Error {
  return pprofError(
    CODE.conflict,
    `${option} is ${wanted}, but another profile of this process measures with ${used}: V8 has one profiler, so give both the same`,
  );
}
