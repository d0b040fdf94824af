import { parseArgsStringToArgv as wordsOf } from 'string-argv';
import { didYouMean } from '../console/suggest.ts';
import { UsageError } from '../console/usage-error.ts';
import { type FoundService, findServices } from './find-services.ts';
import { nodeCommand } from './node-command.ts';
import { type Root, rootsOf } from './roots.ts';
import { startOrder } from './start-order.ts';

/** One service, and how it is run. */
export interface PlannedService {
  readonly name: string;
  /** Its real path. */
  readonly folder: string;
  /** The program and its arguments; no shell reads them. */
  readonly command: readonly [string, ...string[]];
  /** Whether `command` is Node with the file of the service, made here. */
  readonly isNode: boolean;
  /** What is shown of it: the file, or the command. */
  readonly shown: string;
  /** Services that are run too, and have to be up before it. */
  readonly depends: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The folders that its code comes from, its own first. */
  readonly roots: readonly Root[];
}

/** What the command line says about the services to run. */
export interface PlanOptions {
  readonly cwd: string;
  /** Default: the folder of the user. */
  readonly paths: readonly string[];
  /** Names of those to run. Default: all. */
  readonly only?: readonly string[] | undefined;
  /** Instead of Node; for one service. */
  readonly command?: string | undefined;
  /** Arguments behind the command. */
  readonly args?: string | undefined;
}

/** What to run, each service after those that it depends on. Throws a usage error, or 400 for settings, that names the fault. */
export async function planServices(options: PlanOptions): Promise<readonly PlannedService[]> {
  const { cwd, paths, command } = options;
  const found = await findServices(paths.length === 0 ? ['.'] : paths, cwd);
  // Checked as a whole, so that a fault shows also when those that it is about are not run today.
  const ordered = startOrder(found.map((service) => ({ ...service, depends: service.config.depends ?? [] })));
  const chosen = choose(ordered, options.only);
  if (command !== undefined && chosen.length > 1) {
    const names = chosen.map(({ name }) => name).join(', ');
    throw new UsageError(`--command is for one service, and there are ${names}: choose one with --only`);
  }
  const names = new Set(chosen.map(({ name }) => name));
  return chosen.map((service) => ({
    name: service.name,
    folder: service.folder,
    ...commandOf(service, options),
    depends: service.depends.filter((name) => names.has(name)),
    env: service.config.env ?? {},
    roots: rootsOf(service.folder, service.entry),
  }));
}

function choose<T extends { readonly name: string }>(
  all: readonly T[],
  only: readonly string[] | undefined,
): readonly T[] {
  if (only === undefined) return all;
  const known = all.map(({ name }) => name);
  for (const name of only) {
    if (!known.includes(name)) {
      const hint = didYouMean(name, known) || `: there are ${known.join(', ')}`;
      throw new UsageError(`--only names ${JSON.stringify(name)}, which is no service here${hint}`);
    }
  }
  return all.filter(({ name }) => only.includes(name));
}

function commandOf(
  { name, folder, entry, config }: FoundService,
  { command: given, args = '' }: PlanOptions,
): Pick<PlannedService, 'command' | 'isNode' | 'shown'> {
  const command = given ?? config.command;
  const more = wordsOf(args);
  if (command === undefined && entry !== undefined) {
    return { command: [...nodeCommand(folder, entry), ...more], isNode: true, shown: [entry, ...more].join(' ') };
  }
  const [program, ...others] = typeof command === 'string' ? wordsOf(command) : (command ?? []);
  if (program === undefined || program === '') throw new UsageError(`the command of ${name} is empty: give a program`);
  const words: [string, ...string[]] = [program, ...others, ...more];
  return { command: words, isNode: false, shown: words.join(' ') };
}
