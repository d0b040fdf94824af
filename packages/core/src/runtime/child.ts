import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { LogLine } from '../contract/runtime.ts';
import { CODE } from '../error/code.ts';
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
  readonly onLine: (stream: LogLine['stream'], line: string) => void;
}

/** A process that runs, with all that it starts. */
export interface Child {
  readonly pid: number;
  /** Resolves when it has ended, its group with it, and its output was read: with `undefined`, or with how it failed. */
  readonly ended: Promise<string | undefined>;
  /** Ends it. Resolves with whether all of it is gone, within the grace and some seconds. */
  end(): Promise<boolean>;
}

/** What is left in the pipes is read, unless somebody who left the group holds them open. */
const DRAIN_MS = 500;

/** Starts a process in a group of its own. Throws 400 when there is no such program, or it cannot be run. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { command, folder, env, graceMs, guard, onLine } = options;
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
        stdio: ['ignore', 'pipe', 'pipe'],
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
  const drained = Promise.all([
    forward(child.stdout, (line) => onLine('stdout', line)),
    forward(child.stderr, (line) => onLine('stderr', line)),
  ]);

  const lives = (): boolean => child.exitCode === null && child.signalCode === null;
  const endIt = (): Promise<boolean> => endGroup(pid, graceMs, lives);

  const ended = (async () => {
    const { code, signal } = await exited;
    // What it leaves behind would go on without anybody to look after it.
    await endIt();
    guard.delete(pid);
    await Promise.race([drained, pause(DRAIN_MS, undefined, { ref: false })]);
    child.stdout.destroy();
    child.stderr.destroy();
    await drained;
    if (code === 0) return undefined;
    return code === null ? `was ended by ${signal}` : `exited with code ${code}`;
  })();

  return {
    pid,
    ended,
    async end() {
      const isGone = await endIt();
      if (isGone) await ended;
      return isGone;
    },
  };
}

/** Hands on the lines of a stream; resolves when it has ended. */
async function forward(stream: Readable, onLine: (line: string) => void): Promise<void> {
  const lines = createLineSplitter(onLine);
  stream.on('data', (chunk: Buffer) => lines.write(chunk));
  stream.on('error', () => {});
  await new Promise((resolve) => stream.once('close', resolve));
  lines.end();
}
