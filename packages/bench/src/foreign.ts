import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the other frameworks are installed: beside `src` and `dist`, and no part of the workspace. */
const FOLDER = new URL('../peers/', import.meta.url);
const FOLDER_PATH = fileURLToPath(FOLDER);
/** Says which lockfile was installed. */
const STAMP = join(FOLDER_PATH, 'node_modules', '.bench-lock');
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
export async function installForeign(say: (line: string) => void): Promise<void> {
  const wanted = createHash('sha256')
    .update(readFileSync(join(FOLDER_PATH, 'package-lock.json')))
    .digest('hex');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return;
  say('installing the other frameworks into packages/bench/peers …');
  const startedAt = performance.now();
  await npmCi();
  writeFileSync(STAMP, wanted);
  const seconds = (performance.now() - startedAt) / 1_000;
  const megabytes = folderBytes(join(FOLDER_PATH, 'node_modules')) / 1e6;
  say(`installed in ${seconds.toFixed(1)} s, ${megabytes.toFixed(0)} MB`);
}

async function npmCi(): Promise<void> {
  const args = ['ci', '--prefix', FOLDER_PATH, '--no-fund', '--no-audit', '--ignore-scripts', '--loglevel=error'];
  // Under `npm run` the same npm; and not the workspace that npm was started for.
  const { npm_execpath: npm, ...rest } = process.env;
  const env = Object.fromEntries(
    Object.entries(rest).filter(
      ([name]) => !/^npm_config_(workspaces?|local_prefix|include_workspace_root)$/.test(name),
    ),
  );
  const [command, all] = npm?.endsWith('.js') ? [process.execPath, [npm, ...args]] : ['npm', args];
  await new Promise<void>((resolve, reject) => {
    const child = spawn(command, all, {
      cwd: FOLDER_PATH,
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: INSTALL_MS,
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`npm ci in packages/bench/peers ended with ${signal ?? code}`));
    });
  });
}

/** What the files of a folder take on the disk. */
function folderBytes(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).blocks * 512;
  }
  return bytes;
}
