import { now } from './clock.ts';
import { LONGEST_TIMER_MS } from './timer.ts';

/** Wakes its owner when the earliest of many deadlines has passed. */
export interface DeadlineTimer {
  /** Makes sure that the owner is woken once this moment (milliseconds since the epoch) has passed. */
  watch(deadline: number): void;
  /** Forgets the deadlines it was told. */
  close(): void;
}

/**
 * One timer for many deadlines. A timer per call would cost more than the call itself; here a call costs one comparison,
 * since the deadlines of calls that come later are almost always later too. `expire` is given the time, ends what is
 * overdue and returns the earliest deadline that is left, or `Infinity`. The timer does not keep the process alive.
 */
export function createDeadlineTimer(expire: (time: number) => number): DeadlineTimer {
  let timer: NodeJS.Timeout | undefined;
  let wakesAt = Number.POSITIVE_INFINITY;

  const schedule = (deadline: number): void => {
    clearTimeout(timer);
    wakesAt = deadline;
    const delay = Math.min(Math.max(Math.ceil(deadline - now()), 1), LONGEST_TIMER_MS);
    timer = setTimeout(wake, delay);
    timer.unref();
  };

  const wake = (): void => {
    wakesAt = Number.POSITIVE_INFINITY;
    const next = expire(now());
    if (next < wakesAt) schedule(next);
  };

  return {
    watch(deadline) {
      if (deadline < wakesAt) schedule(deadline);
    },
    close() {
      clearTimeout(timer);
      wakesAt = Number.POSITIVE_INFINITY;
    },
  };
}
