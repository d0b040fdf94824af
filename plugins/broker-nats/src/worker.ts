import { type BrokerMessage, CODE, type Delivery, type MicroError } from '@micro/core';
import { brokerError, decodeEnvelope, handlerError, isThenable, LONGEST_TIMER_MS } from '@micro/core/plugin';

/** A message that waits for a handler, or is with one. */
export interface Job {
  /** Where it was published. */
  readonly topic: string;
  readonly data: Uint8Array;
}

/** What a worker is made from. */
export interface WorkerOptions<J extends Job> {
  readonly handler: (delivery: Delivery) => unknown;
  readonly autoAck: boolean;
  /** How many handlers may run at once. */
  readonly concurrency: number;
  /** When an event that is neither acknowledged nor refused counts as failed; `Infinity` is never. */
  readonly ackTimeoutMs: number;
  /** It is about to run; false leaves it out. */
  readonly begins?: ((job: J) => boolean) | undefined;
  /** It was handled, or why it was not. Told once for each job that ran. */
  readonly decided: (job: J, error: MicroError | undefined) => void;
  /** There is room for another one. */
  readonly freed?: (() => void) | undefined;
  /** The handler threw after it had acknowledged: nobody waits for it any more, and it must not be lost. */
  readonly failedLate: (job: J, error: MicroError) => void;
}

/** Runs the handler of one subscription, so many at a time. */
export interface Worker<J extends Job> {
  /** How many wait for the handler. */
  readonly waiting: number;
  readonly running: number;
  /** Those that are with the handler or wait for it. */
  jobs(): Iterable<J>;
  push(job: J): void;
  /** Takes those that wait out of it. */
  withdraw(): readonly J[];
  /** Resolves when nothing waits and nothing runs, after so long at most; with how many handlers still run. */
  idle(budgetMs: number): Promise<number>;
}

interface Flight<J> {
  readonly job: J;
  /** When the handler returned with something to wait for, on the clock of `performance.now()`. */
  since: number;
  isDecided: boolean;
  hasReturned: boolean;
}

/**
 * Makes the receiving end of a subscription. A handler that is done when it returns costs no promise and no timer, and the
 * limit on how long the others may take is kept by one timer for all of them.
 */
export function createWorker<J extends Job>(options: WorkerOptions<J>): Worker<J> {
  const { handler, autoAck, concurrency, ackTimeoutMs, begins, decided, freed, failedLate } = options;
  const flights = new Set<Flight<J>>();
  let waiting: J[] = [];
  let next = 0;
  let running = 0;
  let isPumping = false;
  let timer: NodeJS.Timeout | undefined;
  let whenIdle: (() => void)[] = [];

  const pump = (): void => {
    if (isPumping) return;
    isPumping = true;
    try {
      while (running < concurrency && next < waiting.length) {
        const job = waiting[next];
        next += 1;
        if (job !== undefined && begins?.(job) !== false) run(job);
      }
    } finally {
      isPumping = false;
    }
    if (next === waiting.length) {
      waiting = [];
      next = 0;
    } else if (next > 1_000) {
      // What is over is let go of while the rest still waits.
      waiting = waiting.slice(next);
      next = 0;
    }
    if (running === 0 && waiting.length === 0) for (const resolve of whenIdle.splice(0)) resolve();
  };

  const run = (job: J): void => {
    let message: BrokerMessage;
    try {
      message = decodeEnvelope(job.data);
    } catch (error) {
      decided(job, handlerError(error));
      freed?.();
      return;
    }
    const flight: Flight<J> = { job, since: 0, isDecided: false, hasReturned: false };
    running += 1;
    let returned: unknown;
    try {
      returned = handler({
        topic: job.topic,
        message,
        async ack() {
          decide(flight, undefined);
        },
        async nack(error) {
          decide(
            flight,
            error === undefined ? brokerError(CODE.internal, 'the handler said nack') : handlerError(error),
          );
        },
      });
    } catch (error) {
      threw(flight, error);
      return;
    }
    if (isThenable(returned)) {
      returned.then(
        () => hasReturned(flight),
        (error: unknown) => threw(flight, error),
      );
    } else hasReturned(flight);
    if (flight.isDecided && flight.hasReturned) return;
    flight.since = performance.now();
    flights.add(flight);
    if (timer === undefined && Number.isFinite(ackTimeoutMs)) arm(ackTimeoutMs);
  };

  const threw = (flight: Flight<J>, cause: unknown): void => {
    const error = handlerError(cause);
    if (flight.isDecided) failedLate(flight.job, error);
    else decide(flight, error);
    flight.hasReturned = true;
    end(flight);
  };

  const hasReturned = (flight: Flight<J>): void => {
    // First what is decided, so that the place is given free once, below.
    if (autoAck) decide(flight, undefined);
    flight.hasReturned = true;
    end(flight);
  };

  const decide = (flight: Flight<J>, error: MicroError | undefined): void => {
    if (flight.isDecided) return;
    flight.isDecided = true;
    decided(flight.job, error);
    end(flight);
  };

  /** The place is free when nothing of the event is left: somebody has decided, and the handler has returned. */
  const end = (flight: Flight<J>): void => {
    if (!flight.isDecided || !flight.hasReturned) return;
    flights.delete(flight);
    running -= 1;
    pump();
    freed?.();
  };

  const arm = (afterMs: number): void => {
    timer = setTimeout(look, Math.min(Math.max(10, afterMs), LONGEST_TIMER_MS));
    timer.unref();
  };

  const look = (): void => {
    timer = undefined;
    const now = performance.now();
    for (const flight of flights) {
      if (flight.isDecided) continue;
      const left = flight.since + ackTimeoutMs - now;
      if (left > 0) {
        arm(left);
        return;
      }
      const what = autoAck ? 'handled' : 'acknowledged';
      decide(
        flight,
        brokerError(CODE.timeout, `an event of ${flight.job.topic} was not ${what} within ${ackTimeoutMs} ms`),
      );
    }
  };

  return {
    get waiting() {
      return waiting.length - next;
    },
    get running() {
      return running;
    },
    *jobs() {
      for (const { job, isDecided } of flights) if (!isDecided) yield job;
      for (let index = next; index < waiting.length; index += 1) {
        const job = waiting[index];
        if (job !== undefined) yield job;
      }
    },
    push(job) {
      waiting.push(job);
      pump();
    },
    withdraw() {
      const withdrawn = waiting.slice(next);
      waiting = [];
      next = 0;
      return withdrawn;
    },
    async idle(budgetMs) {
      if (running === 0 && waiting.length === 0) return 0;
      let limit: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        whenIdle.push(resolve);
        if (Number.isFinite(budgetMs)) limit = setTimeout(resolve, budgetMs);
      });
      clearTimeout(limit);
      whenIdle = [];
      return running;
    },
  };
}
