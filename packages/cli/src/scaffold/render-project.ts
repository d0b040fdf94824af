import { environmentFile } from './compose/environment-file.ts';
import { mainFile } from './compose/main-file.ts';
import { packageFile } from './compose/package-file.ts';
import type { Part } from './part.ts';
import { partsOf } from './parts-of.ts';
import type { Project } from './project.ts';
import type { Tree } from './write-tree.ts';

/**
 * The tree of a project: the files of its parts, and what is composed of all of them. Nothing is written. Throws when two
 * parts write one file or one script: a mistake of ours.
 */
export function renderProject(project: Project, parts: readonly Part[] = partsOf(project)): Tree {
  const tree = new Map<string, string>();
  const add = (path: string, text: string): void => {
    if (tree.has(path)) throw new Error(`two parts of a scaffold write ${path}`);
    tree.set(path, text);
  };
  const scripts = parts.flatMap((part) => Object.keys(part.scripts ?? {}));
  const twice = scripts.find((name, at) => scripts.indexOf(name) !== at);
  if (twice !== undefined) throw new Error(`two parts of a scaffold write the script ${twice}`);

  add('package.json', packageFile(project, parts));
  for (const part of parts) for (const [path, text] of Object.entries(part.files ?? {})) add(path, text);
  const mains = parts.flatMap((part) => part.main ?? []);
  if (mains.length > 0) add('src/main.ts', mainFile(project.names.service, mains));
  const composed: readonly (readonly [path: string, text: string])[] = [
    ['.gitignore', lines(parts.flatMap((part) => part.gitignore ?? []))],
    ['.dockerignore', lines(parts.flatMap((part) => part.dockerignore ?? []))],
    ['.env.example', environmentFile(parts.flatMap((part) => part.variables ?? []))],
    [
      'README.md',
      lines(parts.flatMap((part) => (part.readme === undefined ? [] : `${part.readme.trim()}\n`))).trimEnd(),
    ],
  ];
  for (const [path, text] of composed) if (text !== '') add(path, text.endsWith('\n') ? text : `${text}\n`);
  return new Map([...tree].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function lines(texts: readonly string[]): string {
  return [...new Set(texts)].map((text) => `${text}\n`).join('');
}
