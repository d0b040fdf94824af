import { inTurn, reasonOf } from '@micro/core/plugin';
import type { Outcome, Started, Version } from './version.ts';

/** What a service in development is made from. */
export interface DevServiceOptions {
  /** Starts a version of it, beside what runs already. */
  readonly launch: (how: { readonly patienceMs: number; readonly needsServer: boolean }) => Promise<Version>;
  /** What is shown of the command. */
  readonly shown: string;
  /** Ends a version before the next one is started, instead of when that is up. */
  readonly stopFirst: boolean;
  /** Where the debugger of the version that serves listens. */
  readonly inspectPort: number | undefined;
  /** Whether changes are waited for. */
  readonly isWatched: boolean;
  readonly say: (text: string) => void;
  /** Called when it has come up, and when nothing of it runs any more, nor will by itself. */
  readonly onState: () => void;
}

/** A service in development: one version of it serves, and the next one takes over when it is up. */
export interface DevService {
  /** Where its server listens, and what it serves; `undefined` when it has none, or is not up. */
  readonly started: Started | undefined;
  /** `up` even when it has no server; `idle`: nothing runs, nor will by itself. */
  readonly state: 'starting' | 'up' | 'idle';
  /** Whether it ended with anything but code 0. */
  readonly hasFailed: boolean;
  /** Starts it. Resolves when it is up, or is not going to be. */
  start(): Promise<void>;
  /** Replaces what runs, since files have changed. Never throws. */
  replace(): Promise<void>;
  /** Ends all of it. */
  stop(): Promise<void>;
}

/** A first version says within this time that it has a server, or is taken for one without. */
const FIRST_PATIENCE_MS = 10_000;
/** A next one that should have a server. */
const PATIENCE_MS = 30_000;
/** A next one of a service that has none is up when it has lived so long. */
const ALIVE_MS = 2_000;
const MOST_RESTARTS = 3;
const FIRST_PAUSE_MS = 1_000;
/** After so long, what failed before does not count. */
const STABLE_MS = 60_000;

/** Makes a service that is not started yet. */
export function createDevService(options: DevServiceOptions): DevService {
  const { launch, say, stopFirst, inspectPort, isWatched } = options;
  const turn = inTurn();
  const waiting = isWatched ? '; waiting for a change' : '';
  /** The version that serves. */
  let current: Version | undefined;
  let started: Started | undefined;
  /** The version that served before it, while it ends. */
  let retiring: Version | undefined;
  /** One that is not up yet. */
  let next: Version | undefined;
  /** One that files have changed under before it was up: its outcome is of no interest. */
  let outdated: Version | undefined;
  /** A replacement that waits for its turn; it has the changes until then. */
  let queued: Promise<void> | undefined;
  let state: DevService['state'] = 'idle';
  let restarts = 0;
  let hasFailed = false;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;

  const become = (now: DevService['state']): void => {
    state = now;
    options.onState();
  };

  /** Starts a version and waits for how it goes. */
  const tryNext = async (needsServer: boolean, patienceMs: number): Promise<Outcome> => {
    try {
      next = await launch({ patienceMs, needsServer });
    } catch (error) {
      return { state: 'failed', how: `cannot be started: ${reasonOf(error)}`, isHeld: false, isBroken: true };
    }
    if (isStopped) void next.end();
    if (inspectPort !== undefined && current === undefined && retiring === undefined) next.inspect(inspectPort);
    return next.outcome;
  };

  /** What was tried is not taken. Resolves with whether there is nothing to be said about it. */
  const drop = async (): Promise<boolean> => {
    const version = next;
    // Looked at now: files that change while it ends are about the version after it.
    const isOutdated = version !== undefined && version === outdated;
    next = undefined;
    await version?.end();
    return isStopped || isOutdated;
  };

  /** The version that has come up serves from now on. */
  const take = (outcome: Outcome & { state: 'up' }): void => {
    const version = next as Version;
    next = undefined;
    current = version;
    started = outcome.started;
    hasFailed = false;
    const seconds = ((performance.now() - version.startedAt) / 1_000).toFixed(1);
    say(started === undefined ? 'runs, and has started no server' : `started in ${seconds} s at ${started.address}`);
    void version.ended.then((how) => {
      if (current !== version) return;
      current = undefined;
      started = undefined;
      if (isStopped) return;
      if (performance.now() - version.startedAt > STABLE_MS) restarts = 0;
      if (how === undefined) finished();
      else failed(how, true);
    });
    become('up');
  };

  const finished = (): void => {
    say(`has ended with code 0${waiting}`);
    hasFailed = false;
    become('idle');
  };

  /** Nothing runs now. */
  const failed = (how: string, mayTryAgain: boolean): void => {
    hasFailed = true;
    if (!mayTryAgain || restarts === MOST_RESTARTS) {
      say(`${how}${restarts === MOST_RESTARTS ? ` after ${restarts} restarts` : ''}${waiting}`);
      become('idle');
      return;
    }
    const pauseMs = FIRST_PAUSE_MS * 2 ** restarts;
    restarts++;
    say(`${how}; starting again in ${pauseMs / 1_000} s (${restarts} of ${MOST_RESTARTS})`);
    timer = setTimeout(() => void turn(begin), pauseMs);
    become('starting');
  };

  /** Starts a version while there is none. */
  const begin = async (): Promise<void> => {
    if (isStopped || current !== undefined) return;
    become('starting');
    say(`starting ${options.shown}`);
    const outcome = await tryNext(false, FIRST_PATIENCE_MS);
    if (outcome.state === 'up' && next !== outdated && !isStopped) return take(outcome);
    if (await drop()) return;
    if (outcome.state !== 'failed') finished();
    else failed(outcome.how, !outcome.isBroken);
  };

  /** Ends a version in the background: it may take its time for what it has begun, but only one may. */
  const retire = (version: Version): void => {
    void retiring?.end(0);
    retiring = version;
    void version.end().then(() => {
      if (retiring === version) retiring = undefined;
      // Two cannot listen at one port.
      if (inspectPort !== undefined) current?.inspect(inspectPort);
    });
  };

  const leave = async (version: Version): Promise<void> => {
    current = undefined;
    started = undefined;
    await version.end();
  };

  const restart = async (before: Version): Promise<void> => {
    await leave(before);
    await begin();
  };

  const replace = async (): Promise<void> => {
    if (isStopped) return;
    clearTimeout(timer);
    restarts = 0;
    const before = current;
    if (before === undefined) return begin();
    if (stopFirst) return restart(before);
    const outcome = await tryNext(started !== undefined, started === undefined ? ALIVE_MS : PATIENCE_MS);
    if (outcome.state === 'up' && next !== outdated && !isStopped) {
      const { node } = outcome.started ?? {};
      if (node === undefined || node !== started?.node) {
        take(outcome);
        return retire(before);
      }
      // Under one name in the registry the end of one would take the other out of it.
      say('has a fixed id, and two versions of it cannot be registered: stopping both, and starting again');
      await drop();
      return restart(before);
    }
    if (await drop()) return;
    if (outcome.state !== 'failed') {
      await leave(before);
      return finished();
    }
    if (outcome.isHeld && current === before) {
      say('needs what the version before it holds: stopping that, and starting again');
      return restart(before);
    }
    if (current === before) return say(`the new version ${outcome.how}; the one before it goes on${waiting}`);
    clearTimeout(timer);
    failed(outcome.how, false);
  };

  return {
    get started() {
      return started;
    },
    get state() {
      return state;
    },
    get hasFailed() {
      return hasFailed;
    },
    start: () => turn(begin),
    replace() {
      queued ??= turn(() => {
        queued = undefined;
        return replace();
      });
      outdated = next;
      void next?.end();
      return queued;
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await Promise.all([current, next, retiring].map((version) => version?.end()));
      // What was being started meanwhile ends in its own turn.
      await turn(async () => {
        await next?.end();
      });
    },
  };
}
