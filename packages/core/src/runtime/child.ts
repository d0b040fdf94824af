import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { LogLine } from '../contract/runtime.ts';
import { CODE } from '../error/code.ts';
import { isThenable } from '../util/is-thenable.ts';
import { reasonOf } from '../util/reason.ts';
import { createLineSplitter } from './lines.ts';
import type { OrphanGuard } from './orphan-guard.ts';
import { endGroup } from './process-group.ts';
import { runtimeError } from './runtime-error.ts';

/** What a process is started from. */
export interface ChildOptions {
  /** The program and its arguments; no shell reads them. */
  readonly command: readonly [string, ...string[]];
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** How long it may take to end after SIGTERM; 0 is not at all. */
  readonly graceMs: number;
  readonly guard: OrphanGuard;
  /** Gets what it writes. No more is read before what it returns has resolved. */
  readonly onLine: (stream: LogLine['stream'], line: string) => void | Promise<void>;
  /** Gets what a Node program says with `process.send`. Default: it has nobody to say it to. */
  readonly onMessage?: ((message: unknown) => void) | undefined;
}

/** A process that runs, with all that it starts. */
export interface Child {
  readonly pid: number;
  /** Resolves when it has ended, its group with it, and its output was read: with `undefined`, or with how it failed. */
  readonly ended: Promise<string | undefined>;
  /** Says something to a Node program that listens for messages; nothing to any other. */
  send(message: object): void;
  /**
   * Ends it. Resolves with whether all of it is gone, within the grace and some seconds. Another grace than it was started
   * with may be given, also when it is being ended already.
   */
  end(graceMs?: number): Promise<boolean>;
}

/** What is left in the pipes is read, unless somebody who left the group holds them open. */
const DRAIN_MS = 500;

/** Starts a process in a group of its own. Throws 400 when there is no such program, or it cannot be run. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { command, folder, env, graceMs, guard, onLine, onMessage } = options;
  const [program, ...args] = command;
  const cannot = (error: unknown): Error =>
    runtimeError(
      CODE.badRequest,
      `cannot run ${JSON.stringify(program.slice(0, 200))} in ${folder}: ${reasonOf(error)}`,
      error,
    );
  const child = (() => {
    try {
      return spawn(program, args, {
        cwd: folder,
        env,
        detached: process.platform !== 'win32',
        stdio: ['ignore', 'pipe', 'pipe', ...(onMessage === undefined ? [] : ['ipc' as const])],
        windowsHide: true,
      });
    } catch (error) {
      throw cannot(error);
    }
  })();
  // After `spawn` an error would be about a signal that could not be sent; whether it has ended is looked at instead.
  child.on('error', () => {});
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw cannot(error);
  }
  const pid = child.pid as number;
  guard.add(pid);
  if (onMessage !== undefined) child.on('message', onMessage);
  const { stdout, stderr } = child as typeof child & { stdout: Readable; stderr: Readable };
  const drained = Promise.all([
    forward(stdout, (line) => onLine('stdout', line)),
    forward(stderr, (line) => onLine('stderr', line)),
  ]);

  const lives = (): boolean => child.exitCode === null && child.signalCode === null;
  const endIt = (ms = graceMs): Promise<boolean> => endGroup(pid, ms, lives);

  const ended = (async () => {
    const { code, signal } = await exited;
    // What it leaves behind would go on without anybody to look after it.
    await endIt();
    guard.delete(pid);
    await Promise.race([drained, pause(DRAIN_MS, undefined, { ref: false })]);
    stdout.destroy();
    stderr.destroy();
    await drained;
    if (code === 0) return undefined;
    return code === null ? `was ended by ${signal}` : `exited with code ${code}`;
  })();

  return {
    pid,
    ended,
    send(message) {
      // That it ended in the meantime is told by `ended`.
      if (child.connected) child.send(message, () => {});
    },
    async end(ms) {
      const isGone = await endIt(ms);
      if (isGone) await ended;
      return isGone;
    },
  };
}

/** Hands on the lines of a stream, no faster than they are taken; resolves when it has ended. */
async function forward(stream: Readable, onLine: (line: string) => void | Promise<void>): Promise<void> {
  let taken: unknown;
  const lines = createLineSplitter((line) => {
    taken = onLine(line);
  });
  try {
    for await (const chunk of stream) {
      lines.write(chunk as Buffer);
      if (isThenable(taken)) await taken;
    }
  } catch {
    // It was destroyed: what was left in it is not waited for.
  }
  lines.end();
}
