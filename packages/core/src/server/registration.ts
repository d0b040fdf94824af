import type { Logger } from '../contract/logger.ts';
import type { Registry, ServiceRecord } from '../contract/registry.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { fullJitterMs } from '../util/full-jitter.ts';
import { LONGEST_TIMER_MS, sleep } from '../util/timer.ts';
import { within } from '../util/within.ts';

/** What a registration is made from. */
export interface RegistrationOptions {
  readonly registry: Registry;
  readonly logger: Logger;
  /** What is registered, made anew each time since it may change. */
  readonly record: () => ServiceRecord;
  /** Throws, or resolves with false, while the service should not be found. */
  readonly check: () => unknown;
  readonly ttlMs: number;
  /** How often it is renewed; 0 registers once. */
  readonly intervalMs: number;
}

/** Where a registration is in its life. `lost`: it should be there and may not be; it is tried again until it is. */
export type RegistrationState = 'none' | 'registered' | 'lost' | 'withheld';

/** Keeps a service in the registry. */
export interface Registration {
  readonly state: RegistrationState;
  /**
   * Registers, with up to three tries; what fails goes on being tried in the background. Throws only what no further try
   * would change: the registry's 400 for a record that it can never carry.
   */
  start(): Promise<void>;
  /** Gives up what is under way, so that nobody who wants to stop has to wait for a registry that hangs. */
  interrupt(): void;
  /** Takes the service out of the registry and stops renewing. Never throws; returns within a deadline. */
  stop(): Promise<void>;
}

/** No registry is waited for longer than this. */
const CALL_TIMEOUT_MS = 5_000;
const FIRST_TRIES = 3;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/**
 * The registration of a server as a state machine: registered, lost and being registered again with pauses that grow, or
 * withheld because the check says so. Renewing is what a timer does that is armed again after each round, so a registry
 * that hangs cannot pile up calls, and each call has a deadline, so it cannot stop the rounds either.
 */
export function createRegistration(options: RegistrationOptions): Registration {
  const { registry, logger, ttlMs, intervalMs } = options;
  let state: RegistrationState = 'none';
  let failures = 0;
  /** What the registry will never take, such as a name that it cannot carry: no further try would change that. */
  let refused: MicroError | undefined;
  let timer: NodeJS.Timeout | undefined;
  let running = false;
  let round: Promise<void> = Promise.resolve();
  let registered: ServiceRecord | undefined;
  let ending = new AbortController();

  const become = (next: RegistrationState, reason?: unknown): void => {
    if (next === state) return;
    const from = state;
    state = next;
    const fields = {
      registry: registry.name,
      from,
      to: next,
      ...(reason === undefined ? {} : { reason: String(reason) }),
    };
    logger.log(next === 'registered' ? 'info' : 'warn', `registration: ${next}`, fields);
  };

  const takeOut = async (): Promise<void> => {
    const record = registered;
    if (record === undefined) return;
    await within(CALL_TIMEOUT_MS, `deregistering from ${registry.name}`, (signal) =>
      registry.deregister(record, { signal }),
    );
    registered = undefined;
  };

  const once = async (): Promise<void> => {
    try {
      const check = async (): Promise<unknown> => options.check();
      const answer: unknown = await within(CALL_TIMEOUT_MS, 'the register check', check, ending.signal);
      if (answer === false) throw new Error('the register check says no');
    } catch (error) {
      if (!running) return;
      // Unlike in go-micro, a service whose check fails stays out until the check passes again.
      become('withheld', error);
      await takeOut().catch((failure: unknown) => logger.log('warn', `cannot deregister: ${String(failure)}`));
      return;
    }
    try {
      const record = options.record();
      // Remembered before it is known to have arrived: what may be there has to be taken out again.
      registered = record;
      const what = `registering with ${registry.name}`;
      const register = (signal: AbortSignal): Promise<void> => registry.register(record, { ttlMs, signal });
      await within(CALL_TIMEOUT_MS, what, register, ending.signal);
      failures = 0;
      become('registered');
    } catch (error) {
      if (!running) return;
      failures += 1;
      refused = error instanceof MicroError && error.code === CODE.badRequest ? error : undefined;
      become('lost', error);
    }
  };

  const arm = (): void => {
    if (!running || intervalMs === 0) return;
    const pause = state === 'lost' ? backoff(failures) : Math.min(intervalMs, LONGEST_TIMER_MS);
    timer = setTimeout(() => {
      round = once().then(arm);
    }, pause);
    timer.unref();
  };

  const interrupt = (): void => {
    running = false;
    clearTimeout(timer);
    ending.abort(new Error('the server is being stopped'));
  };

  return {
    interrupt,
    get state() {
      return state;
    },
    async start() {
      running = true;
      refused = undefined;
      ending = new AbortController();
      const first = async (): Promise<void> => {
        for (let tries = 1; running; tries++) {
          await once();
          if (refused !== undefined) throw refused;
          if (state !== 'lost' || tries === FIRST_TRIES) break;
          await sleep(backoff(failures), ending.signal);
        }
      };
      const begun = first();
      // Whoever stops waits for the round, and not for how it went.
      round = begun.catch(() => {});
      await begun;
      arm();
    },
    async stop() {
      interrupt();
      await round;
      try {
        await takeOut();
      } catch (error) {
        logger.log('warn', `cannot deregister: ${String(error)}`, { registry: registry.name });
      }
      // Tried once: a registry that did not answer now lets the record end with its ttl.
      registered = undefined;
      state = 'none';
      failures = 0;
    },
  };
}

/** Up to 100 ms, doubling with each failure, up to 10 s at most. */
function backoff(failures: number): number {
  return fullJitterMs(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, failures - 1);
}
