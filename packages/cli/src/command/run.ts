import { resolve } from 'node:path';
import { MICRO_FLAGS, shown } from '@micro/core/plugin';
import { Command } from 'commander';
import { UsageError } from '../console/usage-error.ts';
import { durationOption, repeatedOption } from '../input/options.ts';
import { commandsOf, detectPackageManager } from '../project/package-manager.ts';
import type { Run, Tools } from '../session/tools.ts';

/** What `micro run` takes. */
interface RunOptions {
  /** Patterns, or whether anything is watched. */
  readonly watch: boolean | readonly string[];
  readonly ignore: readonly string[];
  readonly only?: string;
  readonly command?: string;
  readonly args?: string;
  readonly inspect?: true | string;
  /** Milliseconds. */
  readonly grace: number;
  readonly stopFirst?: true;
}

const DEBUG_PORT = 9229;

/** The flags by which a command line that calls a service finds it. */
const CALL_FLAGS: ReadonlySet<string> = new Set([
  'registry',
  'registry_address',
  'transport',
  'transport_address',
  'selector',
]);

const HELP = `
What is run:
  A path is the folder of a service, a package that depends on @micro/core, or a folder with several: its
  workspaces, or the packages in it. A service is started with micro.entry of its package.json, src/main.ts
  (.mts, .js, .mjs), or main; of several in one folder only those with a micro.entry or a src/main count.
  Node runs the file directly: TypeScript by itself (22.18 and newer), or with the project's tsx.

  micro.config.json in the folder may say more, for each service what is not to be guessed:
    { "services": { "orders": { "path": "services/orders", "depends": ["users"],
                                "command": "node server.js", "env": { "MICRO_LOG_LEVEL": "debug" } } } }

What happens:
  When a file changes, the next version of its services is started beside the one that runs, and takes over
  when its server has started; the one before it finishes what it has begun and ends. A version that does not
  start is told of, and the one before it goes on. What only one process can have (a fixed port, the folder of a
  file store) is noticed: then the one before it is ended first, as --stop-first does in any case.
  A .proto file that changes has the code generated anew first, as micro proto does.
  Watched are .ts .mts .cts .js .mjs .cjs .json .proto .env .yaml .yml in the folders of the services and of the
  packages of the same workspace that they depend on; not node_modules, dist (unless it is what runs), coverage,
  gen, and names that begin with a dot. What changes a file of --env-file restarts all.
  A service that crashes is started again after 1, 2 and 4 seconds, and then when a file changes.
  Services get flags such as --registry etcd as MICRO_* variables, have nothing on stdin, and what they print
  goes to stdout and stderr with their name before each line.
  Ctrl-C, SIGTERM and SIGHUP end all of them, those that depend on others first: SIGTERM, and SIGKILL after the
  grace, to whatever they have started too. A second one kills them at once.

It is for development. In production a service is started with node, by something that supervises it.`;

/** `micro run`: services from one terminal, started again when their files change. */
export function runCommand(run: Run): Command {
  return new Command('run')
    .summary('run services, and restart them when files change')
    .description('Runs one or many services from one terminal, and starts them anew when their files change.')
    .argument('[paths...]', 'folders of services, or with services in them (default: this one)')
    .option('--only <names>', 'only these of the services, separated by commas')
    .option('--no-watch', 'restart nothing when files change; ends when all services have')
    .option('--watch <glob>', 'watch these files too; may be repeated', collect)
    .addOption(repeatedOption('--ignore <glob>', 'do not watch these files'))
    .option('--stop-first', 'end a version before the next one is started')
    .addOption(
      durationOption(
        '--grace <duration>',
        'how long a service may take to end, such as 500ms; 0 kills at once',
      ).default(10_000, '10s'),
    )
    .option('--inspect [=port]', `let debuggers in at a port of this host (${DEBUG_PORT}), and those after it`)
    .option('--command <command>', 'run this in the folder of the service, instead of Node')
    .option('--args <arguments>', 'arguments behind the command, as one text')
    .addHelpText('after', HELP)
    .action((paths: readonly string[], options: RunOptions) => run((tools) => runServices(paths, options, tools)));
}

async function runServices(paths: readonly string[], options: RunOptions, tools: Tools): Promise<number> {
  const { terminal, signal, say } = tools;
  const { cwd } = terminal;
  const variables = microVariables(tools);
  const { planServices } = await import('../dev/plan.ts');
  const { CONFIG_FILE } = await import('../dev/micro-config.ts');
  const services = await planServices({
    cwd,
    paths,
    only: options.only?.split(',').map((name) => name.trim()),
    command: options.command,
    args: options.args,
  });
  const inspect = readPort(options.inspect, services.length);
  const { devLoop } = await import('../dev/dev-loop.ts');
  return devLoop({
    services,
    terminal,
    environment: async () => ({ ...(await tools.environment()), ...variables }),
    environmentFiles: tools.envFiles.map((file) => resolve(cwd, file)),
    settingsFiles: (paths.length === 0 ? ['.'] : paths).map((path) => resolve(cwd, path, CONFIG_FILE)),
    watch:
      options.watch === false
        ? undefined
        : { more: typeof options.watch === 'object' ? options.watch : [], ignore: options.ignore },
    graceMs: options.grace,
    stopFirst: options.stopFirst === true,
    inspect,
    call: callWords(tools),
    say,
    signal,
  });
}

function collect(pattern: string, before: boolean | readonly string[] | undefined): readonly string[] {
  return [...(typeof before === 'object' ? before : []), pattern];
}

/** How the user calls one of the services, from where they are. */
function callWords({ terminal: { env, cwd }, microArguments, envFiles }: Tools): readonly string[] {
  // In a script of a project the program is that of the project, which no shell finds by its name alone.
  const isScript = env.npm_config_user_agent !== undefined;
  return [
    ...(isScript ? commandsOf(detectPackageManager(env, cwd)).exec.split(' ') : ['micro']),
    'call',
    ...microArguments.filter((argument) => CALL_FLAGS.has(nameOf(argument))),
    ...envFiles.map((file) => `--env-file=${file}`),
  ];
}

/** The flags of micro that were given, as the variables that stand in for them. */
function microVariables({ microArguments, flags }: Tools): Readonly<Record<string, string>> {
  const values = flags();
  const given = new Set(microArguments.map(nameOf));
  return Object.fromEntries(
    MICRO_FLAGS.filter(({ name }) => given.has(name)).map(({ name, env }) => [env, String(values[name] ?? '')]),
  );
}

function nameOf(argument: string): string {
  return argument.slice(2).split('=', 1)[0] ?? '';
}

function readPort(given: true | string | undefined, services: number): number | undefined {
  if (given === undefined) return undefined;
  const port = given === true ? DEBUG_PORT : Number(given.replace(/^=/, ''));
  if (Number.isInteger(port) && port > 0 && port + services - 1 <= 65_535) return port;
  throw new UsageError(`--inspect ${shown(String(given))} is no port: write --inspect=${DEBUG_PORT}`);
}
