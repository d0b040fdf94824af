import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Processes of one test; what still runs at its end is killed. */
export interface Children extends AsyncDisposable {
  /** Runs a program of `test/fixtures`. */
  start(program: string, ...args: readonly string[]): ChildProcess;
}

export function children(): Children {
  const all: ChildProcess[] = [];
  return {
    start(program, ...args) {
      const child = fork(join(import.meta.dirname, '..', 'fixtures', program), args, { execArgv: [] });
      all.push(child);
      return child;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((child) => stopped(child, 'SIGKILL')));
    },
  };
}

/** The next thing that a process says. Throws when it ends instead. What it has said may be read only after its end. */
export async function told<T>(child: ChildProcess): Promise<T> {
  const [message] = await Promise.race([
    once(child, 'message'),
    once(child, 'close').then(([code, signal]) => {
      throw new Error(`the process ended with ${code ?? signal} without a word`);
    }),
  ]);
  return message as T;
}

/**
 * Sends a signal and waits for the end of the process and for the last of what it has said; resolves with its exit code, or
 * the signal that ended it.
 */
export async function stopped(child: ChildProcess, signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const closed = once(child, 'close');
    if (signal !== undefined) child.kill(signal);
    await closed;
  }
  return child.exitCode ?? child.signalCode;
}
