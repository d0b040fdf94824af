import { CommanderError } from 'commander';
import { commandsFor } from '../command/index.ts';
import { EXIT } from '../console/exit-code.ts';
import { processTerminal, type Terminal } from '../console/terminal.ts';
import { UsageError } from '../console/usage-error.ts';
import { createProgram, goArguments } from './program.ts';
import { createRunner } from './runner.ts';

/**
 * Runs the command line `argv`, which is without the program's own name, and resolves with the exit code (`EXIT`). Never
 * throws: what goes wrong is said on stderr.
 */
export async function micro(argv: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  // A reader that goes away (`micro services | head -1`) is told of by the write that fails.
  const ignore = (): void => {};
  for (const stream of [terminal.stdout, terminal.stderr]) stream.on('error', ignore);
  const program = createProgram(terminal);
  const runner = createRunner(terminal, program);
  try {
    for (const make of await commandsFor(argv)) program.add(make(runner.run));
    await program.command.parseAsync(goArguments(argv), { from: 'user' });
    return runner.exitCode();
  } catch (error) {
    if (!(error instanceof CommanderError)) return runner.failed(error);
    // Help and the version, where they were asked for, are printed by now; so is the help that stands for a command.
    if (error.exitCode === 0) return EXIT.ok;
    return error.code === 'commander.help' ? EXIT.usage : runner.failed(usageError(error));
  } finally {
    for (const stream of [terminal.stdout, terminal.stderr]) stream.off('error', ignore);
  }
}

/** Commander's words for what is wrong with a command line, on one line. */
function usageError({ message }: CommanderError): UsageError {
  return new UsageError(message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' '));
}
