import type { WorkloadStatus } from '../contract/runtime.ts';
import { reasonOf } from '../util/reason.ts';
import { LONGEST_TIMER_MS } from '../util/timer.ts';
import type { Child } from './child.ts';

/** What a supervisor is made from. */
export interface SupervisorOptions {
  readonly launch: () => Promise<Child>;
  /** How often it is started again after it has failed. */
  readonly retries: number;
  /** The first pause before it is started again; it doubles with each failure. */
  readonly pauseMs: number;
  readonly longestPauseMs: number;
  /** Once it has run so long, failures before that do not count any more; 0: they always do. */
  readonly stableMs: number;
  /** Called after each change of the state. */
  readonly onChange: (state: SupervisorState) => void;
}

/** Where the process is in its life. */
export interface SupervisorState {
  readonly status: WorkloadStatus;
  readonly error?: string;
}

/** Keeps one process running. */
export interface Supervisor {
  readonly state: SupervisorState;
  /** Whether it runs, or would again. */
  readonly isActive: boolean;
  /** Starts it. Throws when it cannot be started at all; what happens later is in the state. */
  start(): Promise<void>;
  /** Ends it and starts it no more. Never throws; takes as long as ending a process may. */
  stop(): Promise<void>;
}

/**
 * Starts a process, and starts it again when it has failed: after a pause that doubles, so many times. A process that ends with
 * code 0 has done its work.
 */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { launch, retries, stableMs } = options;
  let state: SupervisorState = { status: 'pending' };
  let isActive = false;
  let failures = 0;
  let child: Child | undefined;
  let launching: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const become = (next: SupervisorState): void => {
    state = Object.freeze(next);
    options.onChange(state);
  };

  const begin = async (): Promise<void> => {
    const started = await launch();
    const startedAt = performance.now();
    child = started;
    if (isActive) become({ status: 'running' });
    void started.ended.then((failure) => {
      if (child === started) child = undefined;
      if (!isActive) return;
      if (failure !== undefined) return failed(failure, performance.now() - startedAt);
      isActive = false;
      become({ status: 'stopped' });
    });
  };

  const failed = (failure: string, ranMs: number): void => {
    if (stableMs > 0 && ranMs >= stableMs) failures = 0;
    failures++;
    if (failures > retries) {
      isActive = false;
      const tries = retries === 0 ? 'and is not started again' : `and was given up after ${retries} restarts`;
      become({ status: 'error', error: `it ${failure} ${tries}` });
      return;
    }
    const longest = Math.min(LONGEST_TIMER_MS, options.longestPauseMs, options.pauseMs * 2 ** (failures - 1));
    // Some of it is chance, so that what failed together does not come back together.
    const pause = Math.round(longest * (0.5 + Math.random() / 2));
    timer = setTimeout(() => {
      become({ status: 'starting' });
      launching = begin()
        .catch((error: unknown) => {
          if (isActive) failed(`could not be started: ${reasonOf(error)}`, 0);
        })
        .finally(() => {
          launching = undefined;
        });
    }, pause);
    become({ status: 'error', error: `it ${failure} and is started again in ${pause} ms (${failures} of ${retries})` });
  };

  return {
    get state() {
      return state;
    },
    get isActive() {
      return isActive;
    },
    async start() {
      if (isActive) return;
      isActive = true;
      failures = 0;
      become({ status: 'starting' });
      try {
        launching = begin();
        await launching;
      } catch (error) {
        isActive = false;
        become({ status: 'error', error: reasonOf(error) });
        throw error;
      } finally {
        launching = undefined;
      }
    },
    async stop() {
      if (!isActive) {
        // It may have failed for good, or have finished, while its last process is still being cleared away.
        await child?.end();
        return;
      }
      isActive = false;
      clearTimeout(timer);
      become({ status: 'stopping' });
      await launching?.catch(() => {});
      const isGone = (await child?.end()) ?? true;
      become(isGone ? { status: 'stopped' } : { status: 'error', error: 'it does not end, not even with SIGKILL' });
    },
  };
}
