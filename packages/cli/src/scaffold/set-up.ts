import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { foldersUp } from '../project/folders-up.ts';
import type { PackageManager } from '../project/package-manager.ts';
import { runProgram } from '../project/run-program.ts';

/** What is done in a new project. */
export interface SetUpOptions {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

const INSTALL_TIMEOUT_MS = 600_000;
const GIT_TIMEOUT_MS = 30_000;

/** Installs what a project depends on. Throws an error with what the package manager said. */
export async function install(packageManager: PackageManager, { folder, env, signal }: SetUpOptions): Promise<void> {
  await runProgram({
    name: `${packageManager} install`,
    // On Windows package managers are scripts of its shell.
    command:
      process.platform === 'win32'
        ? ['cmd.exe', '/d', '/s', '/c', packageManager, 'install']
        : [packageManager, 'install'],
    folder,
    // In CI yarn changes no lockfile, and there is none yet. In production npm leaves out what one develops with.
    env: { ...env, NODE_ENV: 'development', YARN_ENABLE_IMMUTABLE_INSTALLS: 'false' },
    signal,
    timeoutMs: INSTALL_TIMEOUT_MS,
  });
}

/** Begins a repository, unless the project is in one, or there is no git. Resolves with whether it did. */
export async function beginRepository({ folder, env, signal }: SetUpOptions): Promise<boolean> {
  if (foldersUp(folder).some((at) => existsSync(join(at, '.git')))) return false;
  try {
    await runProgram({
      name: 'git init',
      command: ['git', 'init', '--quiet'],
      folder,
      // In a hook of git these lead to the repository that it is of.
      env: { ...env, GIT_DIR: undefined, GIT_WORK_TREE: undefined },
      signal,
      timeoutMs: GIT_TIMEOUT_MS,
    });
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
