/*
 * Tools of CI that have a lockfile of their own in .ci/tools, because they bring other versions of what the packages are
 * built with. They are installed when they are first wanted, and again when their lockfile has changed.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { installApart } from './install-apart.mjs';
import { ROOT } from './workspaces.mjs';

const FOLDER = join(ROOT, '.ci/tools');

/** Installs the tools where they are missing, and returns a `require` that sees them and nothing of the workspace. */
export function requireTool() {
  installApart(FOLDER);
  return createRequire(join(FOLDER, 'package.json'));
}
