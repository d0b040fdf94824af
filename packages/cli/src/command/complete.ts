import { MICRO_FLAGS, within } from '@micro/core/plugin';
import { Command } from 'commander';
import { candidates, type Known } from '../completion/candidates.ts';
import { readFlags } from '../console/flags.ts';
import { nearestPackage } from '../project/packages.ts';
import { type InstalledPlugin, installedPlugins } from '../project/plugins.ts';
import { openSession } from '../session/session.ts';
import type { Run, Tools } from '../session/tools.ts';

/** Nobody waits longer for a Tab: for a registry that knows nothing, and for one that does not even open or close. */
const BUDGET_MS = 1_000;
const OPEN_MS = 2_000;

/** `micro __complete`: what the scripts of `micro completion` ask. Two underscores hide it from help. */
export function completeCommand(run: Run): Command {
  const command = new Command('__complete').argument('[words...]', 'the words so far').action((words: string[]) =>
    run(async (tools) => {
      const root = command.parent ?? command;
      const found = await candidates(root, words, knownTo(tools, words));
      await tools.output.items(found, ({ text, about }) => `${text}\t${about.split('\n', 1)[0]}`);
      return undefined;
    }),
  );
  return command;
}

/** What the registry that the words choose knows. Nothing is said of one that cannot be asked: the line is not finished. */
function knownTo({ terminal, signal }: Tools, words: readonly string[]): Known {
  async function ask<T>(question: Question<T>): Promise<readonly T[]> {
    try {
      const argv = microArguments(words);
      const flags = readFlags(argv, terminal.env);
      const open = () => openSession({ terminal, argv, flags, verbose: false, quiet: true });
      const session = await within(OPEN_MS, 'opening the registry', open, signal);
      const { registry } = session.components;
      try {
        return await within(BUDGET_MS, registry.name, (until) => question(registry, until), signal);
      } finally {
        await within(BUDGET_MS, 'closing the registry', () => session.close()).catch(() => {});
      }
    } catch {
      return [];
    }
  }
  return {
    plugins: (kind) =>
      pluginsAt(terminal.cwd)
        .filter((plugin) => plugin.kind === kind)
        .map(({ flag }) => flag),
    services: () => ask((registry, until) => registry.listServices({ signal: until })),
    endpoints: (service) =>
      ask(async (registry, until) => {
        const records = await registry.getService(service, { signal: until });
        return [...new Set(records.flatMap(({ endpoints }) => endpoints.map(({ name }) => name)))];
      }),
  };
}

function pluginsAt(folder: string): readonly InstalledPlugin[] {
  try {
    const project = nearestPackage(folder);
    return project === undefined ? [] : installedPlugins(project);
  } catch {
    // A package.json that is none has no plugins; who completes a line is not told.
    return [];
  }
}

type Question<T> = (
  registry: Awaited<ReturnType<typeof openSession>>['components']['registry'],
  until: AbortSignal,
) => Promise<readonly T[]>;

const NAMES = new Set(MICRO_FLAGS.map(({ name }) => name));

/** go-micro's flags among the words, with the value each has so far. */
function microArguments(words: readonly string[]): readonly string[] {
  return words.slice(0, -1).flatMap((word, at) => {
    const [, name = '', value = words[at + 1]] = /^--?([a-z_-]+)(?:=(.*))?$/.exec(word) ?? [];
    const flag = name.replaceAll('-', '_');
    return NAMES.has(flag) && value !== undefined && at + 1 < words.length - 1 ? [`--${flag}=${value}`] : [];
  });
}
