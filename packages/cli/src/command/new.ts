import { shown } from '@micro/core/plugin';
import { Command, Option } from 'commander';
import { EXIT } from '../console/exit-code.ts';
import { isInteractive } from '../console/terminal.ts';
import { UsageError } from '../console/usage-error.ts';
import { detectPackageManager, PACKAGE_MANAGERS, type PackageManager } from '../project/package-manager.ts';
import type { Answers } from '../scaffold/ask-project.ts';
import { FEATURE_ABOUT } from '../scaffold/features/about.ts';
import {
  CLUSTER_DEFAULTS,
  type ClusterOptions,
  clusterOptions,
  FEATURE_ALIASES,
} from '../scaffold/features/feature-options.ts';
import { pluginKindOf } from '../scaffold/plugin/plugin-kind.ts';
import { FEATURES, type FeatureName, PLUGIN_KINDS, type Project, type TemplateKind } from '../scaffold/project.ts';
import type { Run, Tools } from '../session/tools.ts';

interface NewOptions extends ClusterOptions, Readonly<Partial<Record<FeatureName, boolean>>> {
  readonly install: boolean;
  readonly git: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly pm?: PackageManager;
  /** `--no-proto` is `false`; a client may be told a file. */
  readonly proto?: boolean | string;
  readonly complete?: boolean;
  readonly kind?: TemplateKind;
}

const NAMES: Readonly<Record<Project['kind'], string>> = {
  service: 'such as helloworld, @acme/helloworld or apps/helloworld',
  client: 'that of the service that it calls',
  plugin: 'such as registry-consul or @acme/store-files',
};

/** `micro new`: a new service, client or plugin. */
export function newCommand(run: Run): Command {
  const command = new Command('new')
    .summary('create a service, a client or a plugin')
    .description(
      'Creates a project in a new folder, and installs it. Without a kind it is a service. Asks for a name and the rest when ' +
        'none is given on a terminal, and never in CI. Nothing is ever overwritten.',
    )
    .usage('[service|client|plugin] [name] [options]')
    .addHelpText('after', '\nExample: micro new helloworld --docker\nOptions: micro new service --help');
  const service = (kind?: Project['kind']) => withFeatures(creates(run, kind ?? '[name]', kind));
  // Its name is none that a service could have.
  command.addCommand(service(), { isDefault: true, hidden: true });
  command.addCommand(service('service').summary('create a service: four endpoints, one of each kind'));
  command.addCommand(
    creates(run, 'client', 'client')
      .summary('create a client: calls a service every second')
      .option('--proto <file>', "description of the service (default: that of the service's folder, if it is here)")
      .option('--no-proto', 'call without a description'),
  );
  command.addCommand(
    creates(run, 'plugin', 'plugin')
      .summary('create a plugin: a part of your own, with the tests that hold it to its contract')
      .addOption(new Option('--kind <kind>', 'what it is (default: the first part of its name)').choices(PLUGIN_KINDS)),
  );
  return command;
}

function creates(run: Run, name: string, kind: Project['kind'] | undefined): Command {
  return new Command(name)
    .argument('[name]', NAMES[kind ?? 'service'])
    .addOption(
      new Option('--pm <name>', 'package manager (default: the one that started this, or npm)').choices(
        PACKAGE_MANAGERS,
      ),
    )
    .option('--no-install', 'write the files alone')
    .option('--no-git', 'begin no git repository; none is begun inside of one')
    .option('--dry-run', 'print what would be written, and write nothing', false)
    .option('-y, --yes', 'ask nothing', false)
    .action((text: string | undefined, options: NewOptions) => run((tools) => create(kind, text, options, tools)));
}

function withFeatures(command: Command): Command {
  command.option('--no-proto', 'describe messages in TypeScript instead of in a .proto');
  for (const feature of FEATURES) {
    command.option(`--${feature}`, FEATURE_ABOUT[feature]);
    for (const alias of FEATURE_ALIASES[feature] ?? []) {
      command.addOption(new Option(`--${alias}`).implies({ [feature]: true }).hideHelp());
    }
  }
  return clusterOptions(command.option('--complete', 'all of these'));
}

async function create(
  kind: Project['kind'] | undefined,
  name: string | undefined,
  options: NewOptions,
  tools: Tools,
): Promise<number> {
  const answers = await askIfNeeded(
    {
      // A name without a kind is the name of a service.
      kind: kind ?? (name === undefined ? undefined : 'service'),
      name,
      proto: options.proto === false ? false : undefined,
      features: options.complete === true ? FEATURES : chosen(options),
      pluginKind: options.kind,
    },
    options.yes,
    tools,
  );
  if (answers === undefined) return EXIT.interrupted;
  const { createProject } = await import('../scaffold/create-project.ts');
  const { makeProject } = await import('../scaffold/make-project.ts');
  const { cwd, env } = tools.terminal;
  const project = await makeProject({
    ...answers,
    protoFile: typeof options.proto === 'string' ? options.proto : undefined,
    namespace: options.namespace ?? CLUSTER_DEFAULTS.namespace,
    postgresAddress: options.postgresAddress ?? options.postgresaddress ?? CLUSTER_DEFAULTS.postgresAddress,
    packageManager: options.pm ?? detectPackageManager(env, cwd),
    cwd,
  });
  await createProject(project, options, tools);
  return EXIT.ok;
}

function chosen(options: NewOptions): readonly FeatureName[] | undefined {
  const features = FEATURES.filter((feature) => options[feature] === true);
  return features.length === 0 ? undefined : features;
}

/** Asks for what is missing, on a terminal. `undefined`: the user left. Throws a usage error where nobody can be asked. */
async function askIfNeeded(
  given: Answers,
  isSilent: boolean,
  { terminal, signal }: Tools,
): Promise<Answers | undefined> {
  if (given.name !== undefined && (given.kind !== 'plugin' || kindOf(given) !== undefined)) return given;
  if (!isSilent && isInteractive(terminal)) {
    const { askProject } = await import('../scaffold/ask-project.ts');
    return askProject(given, terminal, signal);
  }
  if (given.name === undefined) {
    throw new UsageError(
      'a name is missing, such as: micro new helloworld. On a terminal, without --yes, it is asked for',
    );
  }
  throw new UsageError(
    `it is not said what kind of plugin ${shown(given.name)} is: give --kind ${PLUGIN_KINDS.join('|')}, or a name such as registry-${given.name}`,
  );
}

function kindOf({ pluginKind, name = '' }: Answers): TemplateKind | undefined {
  return pluginKind ?? pluginKindOf(name);
}
