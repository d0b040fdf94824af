import type { Flags } from '@micro/core';
import type { Output } from '../console/output.ts';
import type { Progress } from '../console/progress.ts';
import type { Terminal } from '../console/terminal.ts';
import type { Session } from './session.ts';

/** What a running command is given. */
export interface Tools {
  readonly terminal: Terminal;
  readonly output: Output;
  /** Aborts with Ctrl-C, SIGTERM and SIGHUP. A second Ctrl-C ends the process at once. */
  readonly signal: AbortSignal;
  /** Says on a terminal what is being waited for; silent when piped. */
  readonly progress: Progress;
  /** go-micro's flags and `MICRO_*` variables, checked. Throws a usage error that names a bad one. */
  flags(): Flags;
  /** go-micro's flags as they were given, each as `--name=value`, without those that variables stand in for. */
  readonly microArguments: readonly string[];
  /** The files of `--env-file`, and the variables of the process over what is in them now. Throws a usage error for a file. */
  readonly envFiles: readonly string[];
  environment(): Promise<Terminal['env']>;
  /** The components that flags choose, from the user's project, with a client on them. Closed when the command ends. */
  session(): Promise<Session>;
  /** Says something to people on stderr, unless `--quiet`. */
  say(line: string): void;
}

/** Runs what a command does, and takes care of signals, errors and the end. The function may return an exit code. */
export type Run = (command: (tools: Tools) => Promise<number | undefined>) => Promise<void>;
