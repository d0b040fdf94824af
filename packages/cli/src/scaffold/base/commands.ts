import type { PackageManager } from '../project.ts';

/** How users of a package manager write what they do with a project. */
export interface Commands {
  readonly install: string;
  /** Runs a script of the project. */
  run(script: string): string;
  /** Runs `micro` of the project. */
  readonly exec: string;
}

/** The command lines of a package manager. */
export function commandsOf(packageManager: PackageManager): Commands {
  const npm = packageManager === 'npm' || packageManager === 'bun';
  return {
    install: `${packageManager} install`,
    run: (script) =>
      npm && !(packageManager === 'npm' && script === 'test')
        ? `${packageManager} run ${script}`
        : `${packageManager} ${script}`,
    exec: { npm: 'npx micro', pnpm: 'pnpm micro', yarn: 'yarn micro', bun: 'bunx micro' }[packageManager],
  };
}
