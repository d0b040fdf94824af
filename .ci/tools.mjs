/*
 * Tools of CI that have a lockfile of their own in .ci/tools, because they bring other versions of what the packages are
 * built with. They are installed when they are first wanted, and again when their lockfile has changed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ROOT } from './workspaces.mjs';

const FOLDER = join(ROOT, '.ci/tools');
const INSTALLED = join(FOLDER, 'node_modules/.package-lock.json');

/** Installs the tools where they are missing, and returns a `require` that sees them and nothing of the workspace. */
export function requireTool() {
  const wanted = statSync(join(FOLDER, 'package-lock.json')).mtimeMs;
  if (!existsSync(INSTALLED) || statSync(INSTALLED).mtimeMs < wanted) {
    // Not the workspace that an outer npm was started for.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(
        ([name]) => !/^npm_config_(workspaces?|local_prefix|include_workspace_root)$/.test(name),
      ),
    );
    const npm = ['ci', '--prefix', FOLDER, '--ignore-scripts', '--no-audit', '--no-fund'];
    const { status } = spawnSync('npm', npm, { stdio: 'inherit', env, shell: process.platform === 'win32' });
    if (status !== 0) throw new Error('the tools of .ci/tools could not be installed: see above');
  }
  return createRequire(join(FOLDER, 'package.json'));
}
