import type { Logger } from '../contract/logger.ts';
import type {
  CreateOptions,
  LogLine,
  LogOptions,
  RunningWorkload,
  Runtime,
  RuntimeEvent,
  RuntimeReadOptions,
  Workload,
} from '../contract/runtime.ts';
import { CODE } from '../error/code.ts';
import { limitOf } from '../util/limit.ts';
import { checkNumbers, DEFAULT_NAMESPACE, keyOf, planOf, type RunPlan } from './check-workload.ts';
import { startChild } from './child.ts';
import { createOrphanGuard } from './orphan-guard.ts';
import { refuseAborted, runtimeError, unlessAborted } from './runtime-error.ts';
import { createSupervisor, type Supervisor } from './supervisor.ts';
import { createTape, type Tape } from './tape.ts';
import { copy, isMeant, merge } from './workload.ts';

/** What a local runtime may take. Every number: `undefined` is the default, `0` is off. */
export interface LocalRuntimeOptions {
  /** How often a workload that failed is started again, unless it says so itself. Default 3. */
  readonly retries?: number | undefined;
  /** The first pause before it is started again, in milliseconds; it doubles with each failure. Default 500. */
  readonly restartPauseMs?: number | undefined;
  /** The longest such pause, in milliseconds. Default 30,000. */
  readonly longestRestartPauseMs?: number | undefined;
  /** Once a process has run so long, earlier failures do not count, in milliseconds. Default 60,000; 0: they always do. */
  readonly stableMs?: number | undefined;
  /** How long a process may take to end after SIGTERM before it gets SIGKILL, in milliseconds. Default 5,000. */
  readonly graceMs?: number | undefined;
  /** How much of the output of one workload is kept, in characters. Default 1 Mi; 0 is no limit. */
  readonly logLimit?: number | undefined;
  /** How many workloads there may be. One more is refused with 429. Default 1,000; 0 is no limit. */
  readonly maxWorkloads?: number | undefined;
  /** What every process gets beside what its workload says. Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Told what fails and what is started again. Default: nobody. */
  readonly logger?: Logger | undefined;
}

/** One workload, and what is known of it. */
interface Entry {
  readonly namespace: string;
  readonly log: Tape<LogLine>;
  workload: Workload;
  /** As they were given; an update changes those that it names. */
  options: CreateOptions;
  supervisor: Supervisor;
  /** It has to be started when the runtime is: it is new, or the runtime was stopped while it ran. */
  isWanted: boolean;
  /** Others know of it. */
  isKnown: boolean;
}

const RETRIES = 3;
const RESTART_PAUSE_MS = 500;
const LONGEST_RESTART_PAUSE_MS = 30_000;
const STABLE_MS = 60_000;
const GRACE_MS = 5_000;
const LOG_LIMIT = 1_048_576;
/** What a line costs besides its text. */
const LINE_COST = 64;
const MOST_WORKLOADS = 1_000;
/** How many events a watcher may fall behind. */
const EVENT_LIMIT = 4_096;

/**
 * Runs workloads as child processes of this one, each in a process group of its own, in the folder that is its `source`, and
 * keeps the last of what they write. What fails is started again after a pause, so many times; what ends with code 0 has done
 * its work. Deleting, updating and stopping end the whole group: SIGTERM, then SIGKILL. What is created before `start` waits
 * for it; what ran when the runtime was stopped runs again when it is started again.
 *
 * When this process ends without `stop`, even by SIGKILL, a small shell ends what is left. A process that has left its group
 * (`setsid`, a daemon) is out of reach of all this. `image` means nothing here.
 */
export function localRuntime(options: LocalRuntimeOptions = {}): Runtime {
  checkNumbers(options);
  const { retries: usualRetries = RETRIES, graceMs = GRACE_MS, maxWorkloads = MOST_WORKLOADS, logger } = options;
  const logLimit = limitOf('logLimit', options.logLimit, LOG_LIMIT);
  const entries = new Map<string, Entry>();
  const events = createTape<{ namespace: string; event: RuntimeEvent }>({ limit: EVENT_LIMIT, sizeOf: () => 1 });
  const guard = createOrphanGuard(graceMs);
  let isRunning = false;

  /** One thing at a time is done to a workload, in the order in which it was asked for. */
  const turns = new Map<string, Promise<unknown>>();
  const inTurn = <T>(key: string, run: () => Promise<T>): Promise<T> => {
    const turn = (turns.get(key) ?? Promise.resolve()).then(run, run);
    turns.set(key, turn);
    const leave = (): void => {
      if (turns.get(key) === turn) turns.delete(key);
    };
    turn.then(leave, leave);
    return turn;
  };

  const report = (type: RuntimeEvent['type'], entry: Entry): void => {
    if (entry.isKnown)
      events.push({ namespace: entry.namespace, event: Object.freeze({ type, workload: view(entry) }) });
  };

  const superviseBy = (entry: Entry, plan: RunPlan): Supervisor => {
    const env = { ...(options.env ?? process.env), ...plan.env };
    const onLine = (stream: LogLine['stream'], message: string): void =>
      entry.log.push(Object.freeze({ message, stream, timestamp: Date.now() }));
    const supervisor: Supervisor = createSupervisor({
      launch: () => startChild({ command: plan.command, folder: plan.folder, env, graceMs, guard, onLine }),
      retries: plan.retries ?? usualRetries,
      pauseMs: options.restartPauseMs ?? RESTART_PAUSE_MS,
      longestPauseMs: options.longestRestartPauseMs ?? LONGEST_RESTART_PAUSE_MS,
      stableMs: options.stableMs ?? STABLE_MS,
      onChange({ status, error }) {
        if (error !== undefined) logger?.log('warn', `${entry.workload.name}: ${error}`, about(entry));
        else logger?.log('debug', `${entry.workload.name} is ${status}`, about(entry));
        // One that was replaced has nothing to say about the entry any more.
        if (entry.supervisor === supervisor) report('update', entry);
      },
    });
    return supervisor;
  };

  /** Starts what has to run, if the runtime does. */
  const begin = async (entry: Entry): Promise<void> => {
    if (!isRunning || !entry.isWanted) return;
    entry.isWanted = false;
    await entry.supervisor.start();
  };

  const add = async (key: string, given: Workload, createOptions: CreateOptions): Promise<void> => {
    if (entries.has(key)) {
      throw runtimeError(CODE.conflict, `${key} is there already: update it, or delete it first`);
    }
    const workload = copy(given);
    const plan = await planOf(workload, createOptions);
    if (maxWorkloads > 0 && entries.size >= maxWorkloads) {
      throw runtimeError(CODE.tooManyRequests, `there are ${maxWorkloads} workloads already: raise maxWorkloads`);
    }
    const entry: Entry = {
      namespace: createOptions.namespace ?? DEFAULT_NAMESPACE,
      log: createTape<LogLine>({ limit: logLimit, sizeOf: ({ message }) => message.length + LINE_COST }),
      workload,
      options: createOptions,
      supervisor: NONE,
      isWanted: true,
      isKnown: false,
    };
    entry.supervisor = superviseBy(entry, plan);
    // Before it starts, so that the limit holds for those that are created at once.
    entries.set(key, entry);
    try {
      await begin(entry);
    } catch (error) {
      entries.delete(key);
      throw error;
    }
    entry.isKnown = true;
    report('create', entry);
  };

  const replace = async (key: string, given: Workload, updateOptions: CreateOptions): Promise<void> => {
    const entry = entries.get(key);
    if (entry === undefined) throw runtimeError(CODE.notFound, `there is no ${key}: create it first`);
    const workload = copy(given);
    const merged = merge(entry.options, updateOptions);
    const plan = await planOf(workload, merged);
    await entry.supervisor.stop();
    entry.workload = workload;
    entry.options = merged;
    entry.supervisor = superviseBy(entry, plan);
    entry.isWanted = true;
    if (isRunning) await begin(entry);
    else report('update', entry);
  };

  const remove = async (key: string): Promise<void> => {
    const entry = entries.get(key);
    if (entry === undefined) return;
    await entry.supervisor.stop();
    entries.delete(key);
    entry.log.end();
    report('delete', entry);
  };

  const start = async (): Promise<void> => {
    if (isRunning) return;
    isRunning = true;
    await Promise.all(
      // What cannot be started says so in its state.
      [...entries].map(([key, entry]) => inTurn(key, () => begin(entry)).catch(() => {})),
    );
  };

  const stop = async (): Promise<void> => {
    isRunning = false;
    const halt = async (entry: Entry): Promise<void> => {
      entry.isWanted ||= entry.supervisor.isActive;
      await entry.supervisor.stop();
    };
    await Promise.all([...entries].map(([key, entry]) => inTurn(key, () => halt(entry))));
    for (const { log } of entries.values()) log.end();
    events.end();
    guard.close();
  };

  /** Runs something for one workload when its turn comes, unless it was cancelled before. */
  const change = (
    what: string,
    workload: Workload,
    { namespace, signal }: RuntimeReadOptions,
    run: (key: string) => Promise<void>,
  ): Promise<void> => {
    const key = keyOf(workload, namespace);
    const turn = inTurn(key, async () => {
      refuseAborted(`${what} ${key}`, signal);
      await run(key);
    });
    return unlessAborted(turn, `${what} ${key}`, signal);
  };

  return {
    name: 'local',

    async create(workload, createOptions = {}) {
      await change('creating', workload, createOptions, (key) => add(key, workload, { ...createOptions }));
    },

    async read({ signal, ...meant } = {}) {
      refuseAborted('reading workloads', signal);
      return [...entries.values()]
        .filter((entry) => entry.isKnown && isMeant(meant, entry.namespace, entry.workload))
        .map(view);
    },

    async update(workload, updateOptions = {}) {
      await change('updating', workload, updateOptions, (key) => replace(key, workload, updateOptions));
    },

    async delete(workload, deleteOptions = {}) {
      await change('deleting', workload, deleteOptions, remove);
    },

    logs(workload: Workload, { namespace, follow = false, count, signal }: LogOptions = {}) {
      try {
        if (count !== undefined && !(count >= 0)) {
          throw runtimeError(CODE.badRequest, `${String(count)} is no number of lines: give 0 or more`);
        }
        const key = keyOf(workload, namespace);
        const entry = entries.get(key);
        if (entry === undefined) throw runtimeError(CODE.notFound, `there is no ${key}, so it has no logs`);
        const last = Math.floor(count ?? Number.POSITIVE_INFINITY);
        return entry.log.read({ last, follow, signal, overtaken: 'skip', pick: (line) => line });
      } catch (error) {
        return failing(error);
      }
    },

    watch({ signal, ...meant }: RuntimeReadOptions = {}) {
      return events.read({
        last: 0,
        follow: true,
        signal,
        overtaken: 'fail',
        pick: ({ namespace, event }) => (isMeant(meant, namespace, event.workload) ? event : undefined),
      });
    },

    start: () => inTurn(WHOLE, start),
    stop: () => inTurn(WHOLE, stop),
  };
}

/** The turn of what is done to all of them; no key is empty. */
const WHOLE = '';

/** Stands where a supervisor will be in a moment. */
const NONE: Supervisor = {
  state: { status: 'pending' },
  isActive: false,
  start: async () => {},
  stop: async () => {},
};

function view({ workload, supervisor }: Entry): RunningWorkload {
  return Object.freeze({ ...workload, ...supervisor.state });
}

function about({ workload, namespace }: Entry): Record<string, string> {
  return { workload: workload.name, version: workload.version, namespace };
}

/** A sequence that has failed before it began. */
function failing(error: unknown): AsyncIterable<never> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
}
