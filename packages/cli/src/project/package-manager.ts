import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Terminal } from '../console/terminal.ts';
import { foldersUp } from './folders-up.ts';

/** The package managers that a project can be installed with. */
export const PACKAGE_MANAGERS = ['npm', 'pnpm', 'yarn', 'bun'] as const;
/** One of `PACKAGE_MANAGERS`. */
export type PackageManager = (typeof PACKAGE_MANAGERS)[number];

const LOCKFILES: Readonly<Record<string, PackageManager>> = {
  'package-lock.json': 'npm',
  'pnpm-lock.yaml': 'pnpm',
  'yarn.lock': 'yarn',
  'bun.lock': 'bun',
  'bun.lockb': 'bun',
};

/** Who started this program, as package managers say it; else whose lockfile is in the folder or above; else npm. */
export function detectPackageManager(env: Terminal['env'], folder: string): PackageManager {
  const agent = env.npm_config_user_agent?.split('/')[0];
  return PACKAGE_MANAGERS.find((name) => name === agent) ?? lockedBy(folder) ?? 'npm';
}

function lockedBy(folder: string): PackageManager | undefined {
  for (const at of foldersUp(folder)) {
    const lockfile = Object.keys(LOCKFILES).find((name) => existsSync(join(at, name)));
    if (lockfile !== undefined) return LOCKFILES[lockfile];
  }
  return undefined;
}

/** How users of a package manager write what they do with a project. */
export interface Commands {
  readonly install: string;
  /** Adds packages that are needed for development alone. */
  addDev(packages: readonly string[]): string;
  /** Runs a script of the project. */
  run(script: string): string;
  /** Runs `micro` of the project. */
  readonly exec: string;
}

/** The command lines of a package manager. */
export function commandsOf(packageManager: PackageManager): Commands {
  const isNpm = packageManager === 'npm';
  const plain = packageManager === 'pnpm' || packageManager === 'yarn';
  return {
    install: `${packageManager} install`,
    addDev: (packages) => `${packageManager} ${isNpm ? 'install' : 'add'} -D ${packages.join(' ')}`,
    run: (script) => `${packageManager} ${plain || (isNpm && script === 'test') ? script : `run ${script}`}`,
    exec: { npm: 'npx micro', pnpm: 'pnpm micro', yarn: 'yarn micro', bun: 'bunx micro' }[packageManager],
  };
}
