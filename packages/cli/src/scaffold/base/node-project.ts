import type { MakePart } from '../part.ts';
import { templateFiles } from '../read-template.ts';

/** What every program in TypeScript has: its sources run as they are under newer Nodes, by tsx under Node 20, and built. */
export const nodeProject: MakePart = ({ packageManager }) => ({
  files: {
    ...templateFiles('node'),
    // Plug'n'Play hides the programs and plugins that are looked for in node_modules.
    ...(packageManager === 'yarn' ? { '.yarnrc.yml': 'nodeLinker: node-modules\n' } : {}),
  },
  manifest: {
    private: true,
    type: 'module',
    engines: { node: '>=20.19' },
  },
  scripts: {
    dev: 'micro run',
    build: 'tsc -p tsconfig.build.json',
    start: 'node --enable-source-maps dist/main.js',
    typecheck: 'tsc --noEmit',
    test: 'node --import tsx --test test/*.test.ts',
  },
  dependencies: ['@micro/core'],
  devDependencies: ['@micro/cli', '@types/node', 'tsx', 'typescript'],
  gitignore: ['node_modules/', 'dist/', 'coverage/', '*.log', '.env'],
});
