import { FEATURE_PARTS } from '../scaffold/features/index.ts';
import { withNeeds } from '../scaffold/features/with-needs.ts';
import type { Part } from '../scaffold/part.ts';
import type { FeatureName, Project } from '../scaffold/project.ts';
import { renderProject } from '../scaffold/render-project.ts';
import { addToPackage } from './add-to-package.ts';
import { missingInEnvironment, missingInMain } from './missing-lines.ts';

/** What happens to one file. */
export interface Change {
  /**
   * `create`: it is new. `update`: it is still as a scaffold made it, or it is `package.json`, and gets what it lacks. `skip`:
   * it lacks nothing. `keep`: it was edited and stays. `replace`: it was edited, and is overwritten by force.
   */
  readonly action: 'create' | 'update' | 'skip' | 'keep' | 'replace';
  /** From the folder of the project, with `/` on every system. */
  readonly path: string;
  /** Of `package.json` what it gets; of a file that is kept what has to be added by hand, if that can be said. */
  readonly adds?: readonly string[];
  /** All of its new text, unless it is skipped or kept. */
  readonly text?: string;
}

/** What changes are made from. */
export interface ChangesOptions {
  /** The project as it is. */
  readonly project: Project;
  /** The features that are asked for. */
  readonly features: readonly FeatureName[];
  /** What its manifests are to say instead of what they say. */
  readonly cluster: Partial<Pick<Project, 'namespace' | 'postgresAddress'>>;
  /** Overwrites what was edited of the files that belong to the features alone. */
  readonly force: boolean;
  /** The text of a file of the project; `undefined` when there is none. */
  read(path: string): string | undefined;
}

/**
 * What adding features to a project changes: the difference between its scaffold without them and with them, laid over what
 * is there. A file that is still as the scaffold made it is taken along, one that was edited is not touched.
 */
export function planChanges({ project, features, cluster, force, read }: ChangesOptions): readonly Change[] {
  const asked = new Set(features);
  const old: Project = { ...project, features: difference(project.features, asked) };
  const added: Project = { ...project, ...cluster, features: together(project.features, asked) };
  const parts = [...difference(added.features, old.features)].map((feature) => FEATURE_PARTS[feature](added));
  const before = renderProject(old);

  const changes: Change[] = [];
  for (const [path, text] of renderProject(added)) {
    if (before.get(path) === text) continue;
    const there = read(path)?.replaceAll('\r\n', '\n');
    if (path === 'package.json') changes.push(packageChange(there ?? '{}', parts));
    else if (there === text) changes.push({ action: 'skip', path });
    else if (there !== undefined && there === before.get(path)) changes.push({ action: 'update', path, text });
    else if (SHARED.has(path)) changes.push(...(SHARED.get(path)?.(there, parts) ?? []));
    else if (there === undefined) changes.push({ action: 'create', path, text });
    else changes.push(force ? { action: 'replace', path, text } : { action: 'keep', path });
  }
  return changes;
}

type Lacks = (there: string | undefined, parts: readonly Part[]) => readonly Change[];

/** What all parts write to and its author has edited, or does without: never written, only said what it lacks. */
const SHARED: ReadonlyMap<string, Lacks> = new Map<string, Lacks>([
  ['src/main.ts', (there = '', parts) => byHand('src/main.ts', missingInMain(there, parts))],
  [
    '.env.example',
    (there, parts) => (there === undefined ? [] : byHand('.env.example', missingInEnvironment(there, parts))),
  ],
  ['README.md', () => []],
]);

function byHand(path: string, adds: readonly string[]): readonly Change[] {
  return [adds.length === 0 ? { action: 'skip', path } : { action: 'keep', path, adds }];
}

function packageChange(there: string, parts: readonly Part[]): Change {
  const path = 'package.json';
  const { text, adds } = addToPackage(there, parts);
  return adds.length === 0 ? { action: 'skip', path } : { action: 'update', path, text, adds };
}

/** What is there and what is asked for, with what these need. Manifests in both forms only where that was asked for. */
function together(there: ReadonlySet<FeatureName>, asked: ReadonlySet<FeatureName>): ReadonlySet<FeatureName> {
  const all = withNeeds([...there, ...asked]);
  return asked.has('kubernetes') && !asked.has('kustomize') ? new Set([...all, 'kubernetes']) : all;
}

function difference(all: ReadonlySet<FeatureName>, less: ReadonlySet<FeatureName>): ReadonlySet<FeatureName> {
  return new Set([...all].filter((feature) => !less.has(feature)));
}
