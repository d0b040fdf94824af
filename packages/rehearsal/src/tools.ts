import { join } from 'node:path';
import { ROOT } from '../../../.ci/workspaces.mjs';
import { mustRun } from './run.ts';

/** Where verdaccio and pnpm are: in no workspace, with a lockfile of their own. */
export const TOOLS = join(import.meta.dirname, '..', 'tools');

/** The file that Node runs for `pnpm`. */
export const PNPM = join(TOOLS, 'node_modules', 'pnpm', 'bin', 'pnpm.cjs');

const INSTALL_MS = 600_000;

/** Installs the tools, unless what is installed is what their lockfile says. */
export async function installTools(): Promise<void> {
  const script = join(ROOT, '.ci', 'install-apart.mjs');
  await mustRun(process.execPath, [script, TOOLS], { cwd: TOOLS, timeoutMs: INSTALL_MS });
}

/** The environment without what `npm run` said of the package that it ran for: npm would take it for the one to work on. */
export function outsideEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^npm_(?:config_(?:workspaces?|local_prefix|include_workspace_root)$|package_|lifecycle_)/.test(name),
  );
  return Object.fromEntries(kept.map(([name, value]) => [name, value ?? '']));
}
