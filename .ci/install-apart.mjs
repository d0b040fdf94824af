/*
 * Installs what a folder with a package.json and a lockfile of its own asks for, and which is no workspace: other versions
 * of what the workspaces have, or much that few want. Does nothing when that lockfile is what is installed.
 *   node .ci/install-apart.mjs packages/bench/peers
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const INSTALL_MS = 300_000;

if (process.argv[1] === import.meta.filename) {
  const [, , folder] = process.argv;
  if (folder === undefined) throw new Error('node .ci/install-apart.mjs <folder>: the folder is missing');
  installApart(resolve(folder));
}

/** Throws when npm fails. */
export function installApart(folder) {
  const stamp = join(folder, 'node_modules', '.installed-lockfile');
  const wanted = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  // Not the workspace that an outer npm was started for.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_config_(workspaces?|local_prefix|include_workspace_root)$/.test(name),
    ),
  );
  const npm = ['ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const options = {
    cwd: folder,
    env,
    stdio: ['ignore', 2, 2],
    timeout: INSTALL_MS,
    shell: process.platform === 'win32',
  };
  const { status, signal, error } = spawnSync('npm', npm, options);
  if (status !== 0) throw new Error(`npm ci in ${folder} ended with ${error?.message ?? signal ?? status}`);
  writeFileSync(stamp, wanted);
}
