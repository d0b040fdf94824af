import { sep } from 'node:path';
import { dependenciesOf, installedPackage, readPackage } from '../project/packages.ts';

/** A folder that code of a service comes from. */
export interface Root {
  /** Its real path. */
  readonly folder: string;
  /** Names of folders in it that hold what is run, and so count although such folders usually hold what was built: `dist`. */
  readonly built: ReadonlySet<string>;
}

/**
 * The folder of a service, and those of the packages that it depends on, and they in turn, which are linked from the same
 * workspace: what is really in a `node_modules` does not change while one works.
 */
export function rootsOf(folder: string, entry: string | undefined): readonly Root[] {
  const roots = new Map<string, Root>();
  const visit = (at: string, started: string | undefined): void => {
    if (roots.has(at)) return;
    const found = readPackage(at);
    const manifest = (found?.manifest ?? {}) as { main?: unknown; exports?: unknown };
    const run = started === undefined ? [manifest.main, manifest.exports].flatMap(filesIn) : [started];
    roots.set(at, { folder: at, built: new Set(run.flatMap(firstFolder)) });
    for (const name of found === undefined ? [] : dependenciesOf(found.manifest)) {
      const linked = installedPackage(name, at)?.folder;
      if (linked !== undefined && !linked.split(sep).includes('node_modules')) visit(linked, undefined);
    }
  };
  visit(folder, entry);
  return [...roots.values()];
}

/** The files that `main` or `exports` of a package name, in whatever conditions. */
function filesIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(filesIn) : [];
}

function firstFolder(file: string): readonly string[] {
  const parts = file.split(/[/\\]/).filter((part) => part !== '' && part !== '.');
  const [first] = parts;
  return first === undefined || parts.length === 1 ? [] : [first];
}
