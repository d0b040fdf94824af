import { commandsOf } from '../../project/package-manager.ts';
import type { Part } from '../part.ts';
import type { Project, TemplateKind } from '../project.ts';
import { templateFiles } from '../read-template.ts';
import { type PluginNames, pluginNames } from './plugin-names.ts';

/** The kinds that ask a server, which may be away. A transport has none. */
const ASKS: ReadonlySet<TemplateKind> = new Set(['registry', 'store', 'cache', 'broker', 'auth']);

const TEST = 'node --import tsx --test test/*.test.ts';

/** A package that stands in for one part of a service: all of it but the methods that ask its backend. */
export function pluginParts(project: Project): readonly Part[] {
  const { pluginKind: kind } = project;
  if (kind === undefined) throw new Error('a plugin is of some kind');
  const names = pluginNames(kind, project.names.package);
  return [kindPart(kind, names, project), packagePart(kind, names, project)];
}

/** What is written for this kind alone. */
function kindPart(kind: TemplateKind, names: PluginNames, project: Project): Part {
  const { backend, factory, options: Options, variable, flag } = names;
  const { 'README.md': readme = '', ...files } = templateFiles(`plugin/${kind}`, {
    package: project.names.package,
    backend,
    factory,
    Options,
    // go-micro has no flag that chooses a cache.
    ...(kind === 'cache' ? {} : { flag }),
    ...(ASKS.has(kind) ? { ENV: variable } : {}),
  });
  return { files, readme };
}

/** What every plugin has: how it is built, tested and published. */
function packagePart(kind: TemplateKind, { backend, factory, options }: PluginNames, project: Project): Part {
  const name = project.names.package;
  return {
    files: {
      ...templateFiles('node'),
      ...templateFiles('plugin/base', { package: name, kind, backend, factory, Options: options }),
      ...(ASKS.has(kind) ? templateFiles('plugin/ask', { package: name }) : {}),
    },
    manifest: {
      version: '0.1.0',
      description: `A ${kind} for micro services, on ${backend}.`,
      keywords: ['micro', 'micro-plugin', `micro-${kind}`, backend],
      license: 'MIT',
      type: 'module',
      sideEffects: false,
      engines: { node: '>=20.19' },
      exports: {
        '.': { types: './dist/index.d.ts', default: './dist/index.js' },
        './package.json': './package.json',
      },
      files: ['dist'],
      publishConfig: { access: 'public' },
    },
    scripts: {
      build: 'tsc -p tsconfig.build.json',
      typecheck: 'tsc --noEmit',
      test: TEST,
      // A script of its own for the tests: they let no unwritten method pass in it.
      prepublishOnly: `tsc -p tsconfig.build.json && ${TEST}`,
    },
    peerDependencies: ['@micro/core'],
    devDependencies: ['@micro/core', '@types/node', 'tsx', 'typescript'],
    gitignore: ['node_modules/', 'dist/', '*.log', '.env'],
    readme: development(project),
  };
}

function development({ packageManager }: Project): string {
  const { run } = commandsOf(packageManager);
  return `## Development

| command | what it does |
|---|---|
| \`${run('test')}\` | runs the tests: its own, and the cases that every such plugin has to pass |
| \`${run('typecheck')}\` | checks the types |
| \`${run('build')}\` | builds it into \`dist\` |

A case that needs a method which is not written yet counts as \`todo\` and names it. When none is left, the plugin keeps its
contract. Nothing is published before that.`;
}
