import type { Command } from 'commander';
import type { Run } from '../session/tools.ts';

/** Declares a command and what it does. */
export type MakeCommand = (run: Run) => Command;

/** What completes a line has to know all commands. */
const COMPLETE = '__complete';

/** Where each command is, in the order in which help lists them. A file is imported when its command is used. */
const COMMANDS: ReadonlyMap<string, () => Promise<MakeCommand>> = new Map([
  ['new', async () => (await import('./new.ts')).newCommand],
  ['generate', async () => (await import('./generate.ts')).generateCommand],
  ['proto', async () => (await import('./proto.ts')).protoCommand],
  ['run', async () => (await import('./run.ts')).runCommand],
  ['call', async () => (await import('./call.ts')).callCommand],
  ['stream', async () => (await import('./stream.ts')).streamCommand],
  ['publish', async () => (await import('./publish.ts')).publishCommand],
  ['subscribe', async () => (await import('./subscribe.ts')).subscribeCommand],
  ['services', async () => (await import('./services.ts')).servicesCommand],
  ['describe', async () => (await import('./describe.ts')).describeCommand],
  ['health', async () => (await import('./health.ts')).healthCommand],
  ['registry', async () => (await import('./registry.ts')).registryCommand],
  ['store', async () => (await import('./store.ts')).storeCommand],
  ['config', async () => (await import('./config.ts')).configCommand],
  ['completion', async () => (await import('./completion.ts')).completionCommand],
  ['doctor', async () => (await import('./doctor.ts')).doctorCommand],
  [COMPLETE, async () => (await import('./complete.ts')).completeCommand],
]);

/** Flags of the program that have no value. Whoever asks for help or the version needs no single command. */
const SWITCHES: ReadonlySet<string> = new Set(['--pretty', '--verbose', '--quiet']);

/** The command that `argv` means, or all of them where that cannot be told: for help, and for a misspelt name. */
export async function commandsFor(argv: readonly string[]): Promise<readonly MakeCommand[]> {
  const first = firstWord(argv);
  const only = first === COMPLETE ? undefined : COMMANDS.get(first);
  return Promise.all(only === undefined ? [...COMMANDS.values()].map((load) => load()) : [only()]);
}

/** The first word that is neither a flag nor the value of one; `''` where there is none, or a flag that is not known. */
function firstWord(argv: readonly string[]): string {
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    if (!word.startsWith('-')) return word;
    if (word.includes('=') || SWITCHES.has(word)) continue;
    // Every other flag with two dashes has a value, but for those that ask for help.
    if (word === '--help' || word === '--version' || !/^(?:--.|-o$)/.test(word)) return '';
    at += 1;
  }
  return '';
}
