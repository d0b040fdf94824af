import { isObject, parseJson } from '../project/json-file.ts';
import type { Part } from '../scaffold/part.ts';
import { versionOf } from '../scaffold/versions.ts';

/** A `package.json` with more in it. */
export interface AddedToPackage {
  readonly text: string;
  /** What was added, such as `scripts.docker` and `dependencies.pg`. */
  readonly adds: readonly string[];
}

type Table = Readonly<Record<string, string>>;

/** What tables of dependencies are called; a package that stands in one of them is asked for. */
const DEPENDENCIES = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];

/** Adds the scripts and dependencies of parts that a `package.json` lacks. What it has stays as it is, in its form and order. */
export function addToPackage(text: string, parts: readonly Part[]): AddedToPackage {
  const manifest: Record<string, unknown> = { ...(parseJson(text) as object) };
  // npm takes what is no table for an empty one, too.
  const table = (name: string): Table => (isObject(manifest[name]) ? (manifest[name] as Table) : {});
  const known = new Set(DEPENDENCIES.flatMap((name) => Object.keys(table(name))));
  const adds: string[] = [];

  const add = (name: string, values: Table, isSorted: boolean): void => {
    const lacking = Object.entries(values).filter(([key]) =>
      isSorted ? !known.has(key) : !Object.hasOwn(table(name), key),
    );
    if (lacking.length === 0) return;
    adds.push(...lacking.map(([key]) => `${name}.${key}`));
    const entries = [...Object.entries(table(name)), ...lacking];
    // As package managers write them.
    manifest[name] = Object.fromEntries(isSorted ? entries.sort(([a], [b]) => (a < b ? -1 : 1)) : entries);
    for (const [key] of lacking) known.add(key);
  };
  for (const { scripts = {}, dependencies = [], devDependencies = [] } of parts) {
    add('scripts', scripts, false);
    add('dependencies', versions(dependencies), true);
    add('devDependencies', versions(devDependencies), true);
  }

  const indent = /^\{\r?\n([ \t]+)"/.exec(text)?.[1] ?? '  ';
  const end = text.endsWith('\n') ? '\n' : '';
  return { text: adds.length === 0 ? text : `${JSON.stringify(manifest, undefined, indent)}${end}`, adds };
}

function versions(names: readonly string[]): Table {
  return Object.fromEntries(names.map((name) => [name, versionOf(name)]));
}
