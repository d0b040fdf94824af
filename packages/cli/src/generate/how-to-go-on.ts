import { commandsOf, type PackageManager } from '../project/package-manager.ts';
import type { Change } from './plan-changes.ts';

/**
 * What is to be said of changes, for people: what was added to `package.json`, or would be, what is left to do by hand, and
 * what was not overwritten.
 */
export function howToGoOn(changes: readonly Change[], packageManager: PackageManager, isDryRun: boolean): string {
  const kept = changes.filter(({ action, adds }) => action === 'keep' && adds === undefined);
  const isInstalled = changes.every(({ path, adds = [] }) => path !== 'package.json' || !adds.some(isDependency));
  return [
    ...changes.flatMap(({ action, path, adds = [] }) => {
      const done = isDryRun ? 'would be added' : 'added';
      const title = action === 'keep' ? `to be added to ${path} by hand` : `${done} to ${path}`;
      return adds.length === 0 ? [] : [`${title}:\n\n${adds.map((line) => `  ${line}`).join('\n')}`];
    }),
    ...(kept.length === 0 ? [] : [`edited, and kept; --force overwrites: ${kept.map(({ path }) => path).join(', ')}`]),
    ...(isDryRun || isInstalled ? [] : [`next step:\n\n${commandsOf(packageManager).install}`]),
  ]
    .map((paragraph) => `\n${paragraph}\n`)
    .join('');
}

function isDependency(added: string): boolean {
  return !added.startsWith('scripts.');
}
