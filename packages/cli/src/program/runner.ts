import { LONGEST_TIMER_MS, onAbort, within } from '@micro/core/plugin';
import { readEnvironment } from '../console/environment.ts';
import { EXIT, exitCodeOf } from '../console/exit-code.ts';
import { readFlags } from '../console/flags.ts';
import { createOutput, type Format, readFormat } from '../console/output.ts';
import { createProgress } from '../console/progress.ts';
import { reportError } from '../console/report.ts';
import type { Terminal } from '../console/terminal.ts';
import { openSession, type Session } from '../session/session.ts';
import type { Run } from '../session/tools.ts';
import type { Program } from './program.ts';
import { onInterrupt } from './signals.ts';

/** How long components may take to close. */
const CLOSE_MS = 10_000;
/** How long they may take to let go of a command that was interrupted, and then to close: not all of them hear of that. */
const LET_GO_MS = 3_000;

/** Runs one command and knows how it ended. */
export interface Runner {
  readonly run: Run;
  exitCode(): number;
  /** Says what went wrong, and returns the code for it. */
  failed(error: unknown): number;
}

/** Makes the runner of a program. */
export function createRunner(terminal: Terminal, program: Program): Runner {
  let code: number = EXIT.ok;

  const format = (): Format => {
    try {
      return readFormat(program.options().output);
    } catch {
      // That it is none is the error that is to be reported.
      return 'text';
    }
  };

  const failed = (error: unknown): number => {
    // Whoever read us has all they wanted.
    if (isClosedOutput(error)) return EXIT.ok;
    reportError(error, terminal, format());
    return exitCodeOf(error);
  };

  const run: Run = async (command) => {
    const interrupt = onInterrupt(terminal);
    let opened: Promise<Session> | undefined;
    // Much of what is waited for, a watch say, does not keep a process alive by itself.
    const alive = setInterval(() => {}, LONGEST_TIMER_MS);
    let patience: NodeJS.Timeout | undefined;
    /** Rejects when an interrupted command still waits for its components. One without them ends what it has begun. */
    const givenUp = (): Promise<never> =>
      new Promise((_, reject) => {
        onAbort(interrupt.signal, () => {
          if (opened !== undefined) patience = setTimeout(() => reject(interrupt.signal.reason), LET_GO_MS);
        });
      });
    try {
      const { output, pretty, envFile, verbose, quiet } = program.options();
      const env = await readEnvironment(terminal, envFile);
      const here: Terminal = { ...terminal, env };
      const flags = () => readFlags(program.microArguments(), env);
      const work = command({
        terminal: here,
        output: createOutput({ stdout: terminal.stdout, format: readFormat(output), pretty }),
        signal: interrupt.signal,
        progress: createProgress(here, quiet),
        flags,
        microArguments: program.microArguments(),
        envFiles: envFile,
        environment: () => readEnvironment(terminal, envFile),
        session() {
          opened ??= openSession({ terminal: here, argv: program.microArguments(), flags: flags(), verbose, quiet });
          return opened;
        },
        say(line) {
          if (!quiet) terminal.stderr.write(`${line}\n`);
        },
      });
      code = (await Promise.race([work, givenUp()])) ?? EXIT.ok;
    } catch (error) {
      // What an interrupted command throws is that it was interrupted.
      code = interrupt.exitCode() ?? failed(error);
    } finally {
      clearTimeout(patience);
      await closed(opened, interrupt.signal.aborted ? LET_GO_MS : CLOSE_MS).catch((error: unknown) => {
        if (interrupt.exitCode() === undefined) code = failed(error);
      });
      clearInterval(alive);
      interrupt.release();
    }
    code = interrupt.exitCode() ?? code;
  };

  return { run, exitCode: () => code, failed };
}

/** Closes a session, if it was opened. */
async function closed(opened: Promise<Session> | undefined, withinMs: number): Promise<void> {
  await within(withinMs, 'closing the components', async () => {
    const session = await opened?.catch(() => undefined);
    await session?.close();
  });
}

/** What a write throws when nobody reads any more, and what the ones after it do. */
function isClosedOutput(error: unknown): boolean {
  const { code } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED';
}
