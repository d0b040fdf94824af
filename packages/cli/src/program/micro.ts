import { CommanderError } from 'commander';
import { commandsFor } from '../command/index.ts';
import { EXIT } from './exit-code.ts';
import { createProgram, goArguments } from './program.ts';
import { createRunner } from './runner.ts';
import { processTerminal, type Terminal } from './terminal.ts';

/**
 * Runs the command line `argv`, which is without the program's own name, and resolves with the exit code (`EXIT`). Never
 * throws: what goes wrong is said on stderr.
 */
export async function micro(argv: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  // A reader that goes away (`micro services | head -1`) is told of by the write that fails.
  const ignore = (): void => {};
  terminal.stdout.on('error', ignore);
  const program = createProgram(terminal);
  const runner = createRunner(terminal, program);
  try {
    for (const make of await commandsFor(argv)) program.add(make(runner.run));
    await program.command.parseAsync(goArguments(argv), { from: 'user' });
    return runner.exitCode();
  } catch (error) {
    // What it has to say commander has printed: help and version on stdout, anything else on stderr.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return runner.failed(error);
  } finally {
    terminal.stdout.off('error', ignore);
  }
}
