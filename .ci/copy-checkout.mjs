/*
 * Copies the last commit into a new folder, and links what is installed here into it: there it can be built, versioned and
 * published, and nothing here changes. The copy is a repository of its own, without tags and without a remote.
 *   node .ci/copy-checkout.mjs <folder>
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { ROOT, workspaces } from './workspaces.mjs';

if (process.argv[1] === import.meta.filename) {
  const [, , folder] = process.argv;
  if (folder === undefined) throw new Error('node .ci/copy-checkout.mjs <folder>: the folder is missing');
  copyCheckout(resolve(folder));
}

/** Fails when the folder is there and not empty. */
export function copyCheckout(folder) {
  const git = (...args) => execFileSync('git', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  git('clone', '--quiet', '--no-tags', ROOT, folder);
  git('-C', folder, 'remote', 'remove', 'origin');
  // Packages of the workspace are those of the copy; all others are the ones installed here.
  const ours = workspaces(folder).map((workspace) => ({ folder: workspace.folder, name: workspace.manifest.name }));
  for (const { name, folder: target } of ours) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(relative(dirname(link), target), link, 'dir');
  }
  linkInstalled(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const { folder: target } of ours) {
    linkInstalled(join(ROOT, relative(folder, target), 'node_modules'), join(target, 'node_modules'));
  }
}

/** Links each package of one node_modules into another, but for those that are there. */
function linkInstalled(from, to) {
  if (!existsSync(from)) return;
  for (const entry of readdirSync(from)) {
    // Caches of tools begin with a dot; what can be run is in .bin.
    if (entry.startsWith('.') && entry !== '.bin') continue;
    const target = join(to, entry);
    if (entry.startsWith('@') && existsSync(target)) {
      linkInstalled(join(from, entry), target);
    } else if (!existsSync(target)) {
      mkdirSync(to, { recursive: true });
      symlinkSync(join(from, entry), target);
    }
  }
}
