import type { Command } from 'commander';
import type { Run } from '../program/tools.ts';

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

/** The command that `argv` means, or all of them where that cannot be told: for help, and for a misspelt name. */
export async function commandsFor(argv: readonly string[]): Promise<readonly MakeCommand[]> {
  // The value of a flag may look like a command, so only a first word is believed.
  const [first = ''] = argv;
  const only = first === COMPLETE ? undefined : COMMANDS.get(first);
  return Promise.all(only === undefined ? [...COMMANDS.values()].map((load) => load()) : [only()]);
}
