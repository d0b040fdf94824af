import { resolve } from 'node:path';
import { CODE, type Config, type ConfigValue, createConfig, envSource, fileSource, MicroError } from '@micro/core';
import { Command } from 'commander';
import { UsageError } from '../console/usage-error.ts';
import { repeatedOption } from '../input/options.ts';
import type { Run, Tools } from '../session/tools.ts';

interface Options {
  readonly file: readonly string[];
  readonly envPrefix?: string;
}

/** `micro config`: what a service would read. */
export function configCommand(run: Run): Command {
  const get = new Command('get')
    .summary('the value at a path')
    .description(
      'Prints the value at a path, or all values: what the files say, each over those before it, and the variables over them. With --config the values are those of that plugin.',
    )
    .argument('[path...]', 'names that lead to the value, such as database host', [])
    .addOption(repeatedOption('--file <file>', 'JSON, YAML or TOML'))
    .option('--env-prefix <prefix>', 'variables that begin with this and _, so that APP_DATABASE_HOST is database host')
    .action((path: readonly string[], options: Options) =>
      run(async (tools) => {
        const { config, close } = await openConfig(tools, options);
        try {
          const value = await valueAt(config, path);
          await tools.output.value(value, textOf(value));
        } finally {
          await close();
        }
        return undefined;
      }),
    );
  return new Command('config').summary('look into the configuration').addCommand(get);
}

async function openConfig(
  { flags, session, signal, terminal }: Tools,
  { file, envPrefix }: Options,
): Promise<{ readonly config: Config; close(): Promise<void> }> {
  const sources = [
    ...file.map((path) => fileSource(resolve(terminal.cwd, path), { env: terminal.env })),
    ...(envPrefix === undefined ? [] : [envSource({ prefix: envPrefix, env: terminal.env })]),
  ];
  const { config: named } = flags();
  // core's own has nothing in it but what is loaded here.
  if (named === undefined || named === 'config') {
    if (sources.length === 0) throw new UsageError('say what to read: --file, --env-prefix, or a plugin with --config');
    const config = await createConfig({ sources, watch: false });
    signal.throwIfAborted();
    return { config, close: () => config.close() };
  }
  const { config } = (await session()).components;
  if (config === undefined) throw new UsageError(`there is no config ${JSON.stringify(named)}`);
  await config.load(...sources);
  // The session closes it.
  return { config, close: async () => {} };
}

/** Throws a 404 that names the part of the path that is missing, and what was probably meant. */
async function valueAt(config: Config, path: readonly string[]): Promise<ConfigValue> {
  const value = config.get(...path).value();
  if (value !== undefined) return value;
  const at = path.findIndex((_, index) => !config.get(...path.slice(0, index + 1)).exists());
  const parent = at > 0 ? config.get(...path.slice(0, at)).value() : config.snapshot().values;
  const names = typeof parent === 'object' && parent !== null && !Array.isArray(parent) ? Object.keys(parent) : [];
  const { didYouMean } = await import('../console/suggest.ts');
  const detail = `there is no value at ${path.slice(0, at + 1).join(' ')}${didYouMean(path[at] ?? '', names)}`;
  throw new MicroError({ id: 'micro', code: CODE.notFound, detail });
}

/** A text stands for itself, so that a script can take it; everything else is JSON. */
function textOf(value: ConfigValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value, undefined, 2);
}
