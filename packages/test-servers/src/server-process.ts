import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGuard } from './guard.ts';
import { poll, START_MS } from './poll.ts';
import { reservePorts } from './ports.ts';
import type { StartOptions, TestServer } from './test-server.ts';

/** How one server is started, and how it shows that it is there. */
export interface ServerPlan {
  /** What it is called in errors, such as `etcd n0`. */
  readonly label: string;
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** The program and its arguments, which name `data` as the folder it writes to. */
  command(data: string): readonly string[];
  /** Variables besides PATH and HOME; nothing else of our environment reaches it. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Puts what it needs into its empty folder, before it starts. */
  prepare?(data: string): void;
  /** Whether it serves clients. May throw while it does not. */
  ready(): Promise<boolean>;
  /** Tells the running server what it has to know when it started on an empty folder. */
  setUp?(): Promise<void>;
  /** Called once, when it is closed. */
  closed?(): void;
}

/** The server found its port taken. */
export class PortTaken extends Error {}

const STOP_MS = 5_000;
const LOG_BYTES = 16_384;

/** Starts a server and waits until it is ready. Leaves nothing behind when that fails. */
export async function startProcess(plan: ServerPlan): Promise<TestServer> {
  const server = await createProcess(plan);
  try {
    await server.start();
    return server;
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Starts what needs ports. Does it again with others when somebody else took one between our finding and its binding. */
export async function onFreePorts<N extends string, S>(
  names: readonly N[],
  start: (ports: Readonly<Record<N, number>>, release: () => void) => Promise<S>,
): Promise<S> {
  for (let tries = 1; ; tries++) {
    const { at, release } = await reservePorts(names);
    try {
      return await start(at, release);
    } catch (error) {
      release();
      if (!(error instanceof PortTaken) || tries === 5) throw error;
    }
  }
}

/** Starts servers that are ready only together. Leaves nothing behind when one of them fails. */
export async function startProcesses(plans: readonly ServerPlan[]): Promise<readonly TestServer[]> {
  const servers = await Promise.all(plans.map(createProcess));
  const results = await Promise.allSettled(servers.map((server) => server.start()));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return servers;
  await Promise.all(servers.map((server) => server.close()));
  throw failed.reason;
}

/** A server that is not started yet. */
async function createProcess(plan: ServerPlan): Promise<TestServer> {
  const { label, host, port, url } = plan;
  const folder = await mkdtemp(join(tmpdir(), 'micro-test-server-'));
  const data = join(folder, 'data');
  const logFile = join(folder, 'log');
  const guard = createGuard(folder);
  let child: ChildProcess | undefined;
  let empty = true;
  let closing: Promise<void> | undefined;

  const launch = (): ChildProcess => {
    const [program = '', ...args] = plan.command(data);
    const log = openSync(logFile, 'a');
    const { PATH = '/usr/bin:/bin' } = process.env;
    const started = spawn(program, args, {
      // A group of its own: Ctrl-C is for us, and we decide what becomes of the server.
      detached: true,
      stdio: ['ignore', log, log],
      cwd: data,
      env: { PATH, HOME: data, ...plan.environment },
    });
    closeSync(log);
    // Who forgets to close a server is not held up by it: the guard ends it.
    started.unref();
    started.once('error', () => {});
    started.once('exit', () => {
      if (child === started) guard.watch(undefined);
    });
    guard.watch(started.pid);
    return started;
  };

  const isRunning = (): boolean => child?.pid !== undefined && child.exitCode === null && child.signalCode === null;

  const signal = (name: NodeJS.Signals): void => {
    if (child?.pid === undefined || !isRunning()) return;
    try {
      // The whole group: a redis-server that saves has a child.
      process.kill(-child.pid, name);
    } catch {
      // It has ended, and we have not been told yet.
    }
  };

  /** Resolves when the process is gone, or with `false` after a while. */
  const gone = async (limitMs: number): Promise<boolean> => {
    const ended = child;
    if (ended === undefined || !isRunning()) return true;
    const done = new AbortController();
    const exit = new Promise<true>((resolve) => ended.once('exit', () => resolve(true)));
    // The timer holds this process while we wait; the child does not.
    const late = sleep(limitMs, false, { signal: done.signal }).catch(() => false);
    const result = await Promise.race([exit, late]);
    done.abort();
    return result;
  };

  const kill = async (): Promise<void> => {
    signal('SIGKILL');
    if (!(await gone(START_MS))) throw new Error(`${label} outlived SIGKILL by ${START_MS} ms`);
  };

  const stop = async (): Promise<void> => {
    signal('SIGCONT');
    signal('SIGTERM');
    if (!(await gone(STOP_MS))) await kill();
  };

  const log = (): string => tailOf(logFile);

  const start = async ({ wipe = false }: StartOptions = {}): Promise<void> => {
    if (closing !== undefined) throw new Error(`${label} on ${host}:${port} is closed: start another one`);
    if (isRunning()) throw new Error(`${label} on ${host}:${port} is running already: stop it first`);
    if (wipe) await rm(data, { recursive: true, force: true });
    empty ||= wipe;
    mkdirSync(data, { recursive: true });
    if (empty) plan.prepare?.(data);
    const started = launch();
    child = started;
    const answered = async (): Promise<boolean> => {
      if (started.exitCode !== null || started.signalCode !== null || started.pid === undefined) return true;
      return plan.ready();
    };
    try {
      await poll(`starting ${label} on ${host}:${port}`, START_MS, answered);
      if (!isRunning()) throw new Error(`${label} on ${host}:${port} ended (${endOf(started)})`);
      if (empty) await plan.setUp?.();
      empty = false;
    } catch (cause) {
      const text = `${cause instanceof Error ? cause.message : cause}; the last it said:\n${log().slice(-3_000)}`;
      throw /address already in use/i.test(text) ? new PortTaken(text, { cause }) : new Error(text, { cause });
    }
  };

  const close = (): Promise<void> => {
    closing ??= (async () => {
      await kill();
      guard.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
      plan.closed?.();
    })();
    return closing;
  };

  return {
    host,
    port,
    address: `${host}:${port}`,
    url,
    get running() {
      return isRunning();
    },
    get pid() {
      return isRunning() ? child?.pid : undefined;
    },
    stop,
    kill,
    start,
    async restart(options) {
      await stop();
      await start(options);
    },
    freeze() {
      signal('SIGSTOP');
      if (child?.pid !== undefined) waitForStop(child.pid);
    },
    thaw: () => signal('SIGCONT'),
    log,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function endOf({ exitCode, signalCode, pid }: ChildProcess): string {
  if (pid === undefined) return 'its program could not be run';
  return signalCode === null ? `exit code ${exitCode}` : signalCode;
}

/** A signal is taken by each thread in its own time: within microseconds, and on a busy machine within milliseconds. */
function waitForStop(pid: number): void {
  if (process.platform !== 'linux') return;
  const end = performance.now() + 2_000;
  while (performance.now() < end && !isStopped(pid)) {
    // Without a pause: the caller may go on only when it stands still, and it takes no time.
  }
}

function isStopped(pid: number): boolean {
  try {
    const tasks = `/proc/${pid}/task`;
    return readdirSync(tasks).every((task) => /\) [TtZX] /.test(readFileSync(`${tasks}/${task}/stat`, 'utf8')));
  } catch {
    return true;
  }
}

function tailOf(file: string): string {
  try {
    const open = openSync(file, 'r');
    try {
      const { size } = fstatSync(open);
      const buffer = Buffer.alloc(Math.min(size, LOG_BYTES));
      readSync(open, buffer, 0, buffer.length, size - buffer.length);
      return buffer.toString('utf8');
    } finally {
      closeSync(open);
    }
  } catch {
    return '';
  }
}
