import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from './run.ts';

/** Where verdaccio and pnpm are: in no workspace, with a lockfile of their own. */
export const TOOLS = join(import.meta.dirname, '..', 'tools');

/** The file that Node runs for `pnpm`. */
export const PNPM = join(TOOLS, 'node_modules', 'pnpm', 'bin', 'pnpm.cjs');

const INSTALL_MS = 240_000;

/** Installs the tools, unless what is installed is what their lockfile says. */
export async function installTools(): Promise<void> {
  const stamp = join(TOOLS, 'node_modules', '.rehearsal-lock');
  const wanted = createHash('sha256')
    .update(readFileSync(join(TOOLS, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  const args = ['ci', '--prefix', TOOLS, '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  await mustRun('npm', args, { cwd: TOOLS, env: outsideEnvironment(), timeoutMs: INSTALL_MS });
  writeFileSync(stamp, wanted);
}

/** The environment without what `npm run` said of the package that it ran for: npm would take it for the one to work on. */
export function outsideEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^npm_(?:config_(?:workspaces?|local_prefix|include_workspace_root)$|package_|lifecycle_)/.test(name),
  );
  return Object.fromEntries(kept.map(([name, value]) => [name, value ?? '']));
}
