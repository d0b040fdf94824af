import type { Readable, Writable } from 'node:stream';
import { UsageError } from './usage-error.ts';

/** A stream that may be a terminal. */
type Tty = { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined };

/** What a program has of its surroundings. Nothing in here reads `process` but the one that is made of it. */
export interface Terminal {
  readonly stdin: Readable & Tty;
  /** Takes data and nothing else. */
  readonly stdout: Writable & Tty;
  /** Takes everything that is not data: logs, progress, questions, errors. */
  readonly stderr: Writable & Tty;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder that the user is in. Plugins and files are looked for from here. */
  readonly cwd: string;
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr, env } = process;
  return {
    ...{ stdin, stdout, stderr, env },
    // Looked up when a command runs: help is there for those, too, whose folder is not.
    get cwd() {
      return currentFolder();
    },
  };
}

function currentFolder(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new UsageError('the folder that you are in is not there any more: go to another one', { cause });
  }
}

/** Whether there is somebody to ask: on a terminal on both sides, and never in CI. */
export function isInteractive({ stdin, stderr, env }: Terminal): boolean {
  return stdin.isTTY === true && stderr.isTTY === true && !isCi(env);
}

/** Whether lines for people have colours: on a terminal, unless `NO_COLOR` or `FORCE_COLOR` says otherwise. */
export function hasColors(stream: Tty, env: Terminal['env']): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  return stream.isTTY === true && env.TERM !== 'dumb';
}

function isCi(env: Terminal['env']): boolean {
  return env.CI !== undefined && env.CI !== '' && env.CI !== '0' && env.CI !== 'false';
}
