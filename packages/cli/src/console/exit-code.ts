import { CODE, MicroError } from '@micro/core';
import { UsageError } from './usage-error.ts';

/** What the program ends with. Scripts build on it, so a number never changes its meaning. */
export const EXIT = {
  ok: 0,
  /** The call, or whatever was asked for, failed. */
  failed: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** The service, or the registry, broker or store that was asked, is not there. `EX_UNAVAILABLE` of sysexits. */
  unavailable: 69,
  /** The time ran out. `EX_TEMPFAIL`. */
  timeout: 75,
  /** A driver is not installed or does not fit, or a settings file is wrong. `EX_CONFIG`. */
  config: 78,
  /** SIGHUP: the terminal is gone. 128 and the number of the signal, as shells say it. */
  hungUp: 129,
  /** Ctrl-C. */
  interrupted: 130,
  /** SIGTERM. */
  terminated: 143,
} as const;

/** One of the codes in `EXIT`. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Who says that nobody is registered under a name; a 404 of anybody else is an answer. */
const SELECTOR = 'go.micro.selector';
/** Who says that a driver, or a settings file, is not there or wrong. */
const SETTINGS: ReadonlySet<string> = new Set(['go.micro.cmd', 'go.micro.config']);

/** The code for what a command threw. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return EXIT.usage;
  if (!(error instanceof MicroError)) return EXIT.failed;
  if (SETTINGS.has(error.id)) return EXIT.config;
  if (error.code === CODE.timeout) return EXIT.timeout;
  if (error.code === CODE.unavailable) return EXIT.unavailable;
  if (error.code === CODE.notFound && error.id === SELECTOR) return EXIT.unavailable;
  return EXIT.failed;
}
