import { Command } from 'commander';
import { EXIT } from '../console/exit-code.ts';
import { didYouMean } from '../console/suggest.ts';
import { UsageError } from '../console/usage-error.ts';
import { FEATURE_ABOUT } from '../scaffold/features/about.ts';
import { type ClusterOptions, clusterOptions, FEATURE_ALIASES } from '../scaffold/features/feature-options.ts';
import { FEATURES, type FeatureName } from '../scaffold/project.ts';
import type { Run, Tools } from '../session/tools.ts';

interface GenerateOptions extends ClusterOptions {
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** `micro generate`: what `micro new` can make, for a service that is there already. */
export function generateCommand(run: Run): Command {
  const command = new Command('generate')
    .summary('add to a service what micro new can make')
    .description(
      'Adds files to the service in this folder or above, and what they need to its package.json. Files that were edited stay ' +
        'as they are. Running it again changes nothing.',
    )
    .argument('<feature...>', 'what to add, one or more of those below')
    .option('--force', 'overwrite edited files of these features; never src/main.ts or README.md', false)
    .option('--dry-run', 'print what would be done, and write nothing', false)
    .addHelpText(
      'after',
      `\nFeatures:\n${FEATURES.map((name) => `  ${name.padEnd(12)}${FEATURE_ABOUT[name]}`).join('\n')}`,
    )
    .action((names: readonly string[], options: GenerateOptions) =>
      run((tools) => generate(names.map(featureOf), options, tools)),
    );
  return clusterOptions(command, 'as its manifests say, else ');
}

async function generate(
  features: readonly FeatureName[],
  options: GenerateOptions,
  { terminal, output, signal, say }: Tools,
): Promise<number> {
  const { findServiceProject } = await import('../generate/service-project.ts');
  const { planChanges } = await import('../generate/plan-changes.ts');
  const { readProjectFile, writeChanges } = await import('../generate/project-files.ts');
  const { howToGoOn } = await import('../generate/how-to-go-on.ts');

  const { folder, project } = findServiceProject(terminal);
  const { namespace = project.namespace, force, dryRun } = options;
  const { postgresAddress = options.postgresaddress ?? project.postgresAddress } = options;
  const changes = planChanges({
    ...{ project, features, force },
    cluster: { namespace, postgresAddress },
    read: (path) => readProjectFile(folder, path),
  });
  if (!dryRun) await writeChanges(folder, changes, signal);
  await output.items(
    changes.map(({ text: _, ...change }) => change),
    ({ action, path, adds }) => `${action.padEnd(8)}${path}${adds === undefined ? '' : ` (${adds.length} to add)`}`,
  );
  const left = howToGoOn(changes, project.packageManager, dryRun);
  if (left !== '') say(left);
  return EXIT.ok;
}

/** The feature of that name, which may be go-micro's. Throws a usage error that suggests one. */
function featureOf(name: string): FeatureName {
  const found = FEATURES.find((feature) => feature === name || FEATURE_ALIASES[feature]?.includes(name));
  if (found !== undefined) return found;
  const meant = didYouMean(name, FEATURES);
  throw new UsageError(`there is no feature ${JSON.stringify(name)}${meant || `: there are ${FEATURES.join(', ')}`}`);
}
