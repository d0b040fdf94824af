import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the other frameworks are installed: beside `src` and `dist`, and no part of the workspace. */
const FOLDER = new URL('../peers/', import.meta.url);
const FOLDER_PATH = fileURLToPath(FOLDER);
const INSTALL = fileURLToPath(new URL('../../../.ci/install-apart.mjs', import.meta.url));
/** Installing may take so long, in milliseconds. */
const INSTALL_MS = 300_000;

/** Loads a package of another framework. The caller says what shape it has. */
export const requireForeign: NodeJS.Require = createRequire(FOLDER);

/** The installed version of a package of another framework; `undefined` when it is not installed. */
export function foreignVersion(name: string): string | undefined {
  const path = join(FOLDER_PATH, 'node_modules', name, 'package.json');
  if (!existsSync(path)) return undefined;
  const manifest: { version?: string } = JSON.parse(readFileSync(path, 'utf8'));
  return manifest.version;
}

/** Installs the other frameworks when they are missing or their lockfile is another one than was installed. */
export function installForeign(say: (line: string) => void): Promise<void> {
  say('looking for the other frameworks in packages/bench/peers, and installing them where they are missing …');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [INSTALL, FOLDER_PATH], {
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: INSTALL_MS,
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`installing packages/bench/peers ended with ${signal ?? code}`));
    });
  });
}
