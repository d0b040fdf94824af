import { importsOf, resolveImport, type SourceFile } from './source.ts';

/** The floors of core, from the ground up. A folder imports from lower floors and from itself. */
export const FLOORS: readonly (readonly string[])[] = [
  ['contract', 'error'],
  ['util', 'conformance'],
  [
    'rpc',
    'middleware',
    'codec',
    'logger',
    'registry',
    'selector',
    'transport',
    'broker',
    'store',
    'cache',
    'auth',
    'config',
    'runtime',
    'profile',
    'debug',
  ],
  ['client', 'server'],
  ['service'],
  ['cmd'],
];

/** The files at the top of `src`: they hand out what is below, and nobody imports them. */
export const DOORS: readonly string[] = ['index.ts', 'plugin.ts', 'conformance.ts'];

/** What breaks the floors, one sentence each. */
export function floorViolations(files: readonly SourceFile[]): readonly string[] {
  const known = new Set(files.map((file) => file.path));
  return files.flatMap((file) => {
    const folder = folderOf(file.path);
    if (folder === undefined) {
      return DOORS.includes(file.path) ? [] : [`${file.path} stands beside the doors: it belongs into a folder`];
    }
    if (floorOf(folder) === -1) return [`${folder} is on no floor: add it to FLOORS`];
    return importsOf(file).flatMap((specifier) => {
      const target = resolveImport(file, specifier);
      if (target === undefined) return [];
      const fault = importFault(folder, target, known);
      return fault === undefined ? [] : [`${file.path} imports ${specifier}: ${fault}`];
    });
  });
}

function importFault(folder: string, target: string, known: ReadonlySet<string>): string | undefined {
  if (!known.has(target)) return 'there is no such file in src (imports end in .ts)';
  const other = folderOf(target);
  if (other === undefined) return 'nobody imports a door from inside';
  if (other === folder) return undefined;
  if (floorOf(other) === floorOf(folder)) return `${folder} and ${other} share a floor, so they are strangers`;
  if (floorOf(other) > floorOf(folder)) return `${other} is above ${folder}`;
  return undefined;
}

/** Files that import each other in a circle, whether for values or only for types; one line for each circle met. */
export function cycles(files: readonly SourceFile[]): readonly string[] {
  const graph = new Map(
    files.map((file) => [file.path, importsOf(file).flatMap((specifier) => resolveImport(file, specifier) ?? [])]),
  );
  const done = new Set<string>();
  const found: string[] = [];
  function visit(path: string, trail: readonly string[]): void {
    const start = trail.indexOf(path);
    if (start !== -1) found.push([...trail.slice(start), path].join(' → '));
    if (start !== -1 || done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  }
  for (const path of graph.keys()) visit(path, []);
  return found;
}

function folderOf(path: string): string | undefined {
  return path.includes('/') ? path.split('/')[0] : undefined;
}

function floorOf(folder: string): number {
  return FLOORS.findIndex((floor) => floor.includes(folder));
}
