import type { Stats } from 'node:fs';
import { extname, relative, resolve, sep } from 'node:path';
import picomatch from 'picomatch';
import type { Root } from './roots.ts';

/** What of a folder counts as code or settings. */
const KINDS: ReadonlySet<string> = new Set(
  ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs', 'json', 'proto', 'env', 'yaml', 'yml'].map((kind) => `.${kind}`),
);
/** Folders with what tools write: code of the service only where it is started from there. */
const BUILT: ReadonlySet<string> = new Set(['dist', 'coverage', 'gen']);
/** Folders with what is nobody's code here, in no case. */
const FOREIGN: ReadonlySet<string> = new Set(['node_modules', '.git']);

/** Which files are watched. */
export interface WatchedOptions {
  /** The folder that patterns start from. */
  readonly cwd: string;
  readonly roots: readonly Root[];
  /** Single files that are watched whatever they are called, as absolute paths. */
  readonly files: readonly string[];
  /** Patterns of further files. */
  readonly watch: readonly string[];
  /** Patterns of files that are not watched after all. */
  readonly ignore: readonly string[];
}

/** Knows which files are watched. */
export interface Watched {
  /** Where to look. */
  readonly paths: readonly string[];
  /** Whether a path is passed over: a file that does not count, or a folder in which no file can. */
  ignores(path: string, stats?: Stats): boolean;
}

/** Makes that of the folders that code comes from. */
export function createWatched({ cwd, roots, files, watch, ignore }: WatchedOptions): Watched {
  const single = new Set(files);
  const isMore = matcher(watch, cwd);
  const isLess = matcher(ignore, cwd);
  // A pattern may lead out of all roots.
  const bases = watch.map((pattern) => resolve(cwd, picomatch.scan(pattern).base));

  return {
    paths: [...new Set([...roots.map(({ folder }) => folder), ...files, ...bases])],
    ignores(path, stats) {
      if (single.has(path)) return false;
      if (isLess(path)) return true;
      if (stats?.isFile() === true) return !(isMore(path) || roots.some((root) => isCode(path, root)));
      return !(
        roots.some((root) => mayHoldCode(namesIn(path, root.folder), root)) ||
        bases.some((base) => namesIn(path, base)?.every((name) => !FOREIGN.has(name)))
      );
    },
  };
}

/** Whether a path is a folder, or is in it. */
export function isWithin(path: string, folder: string): boolean {
  return namesIn(path, folder) !== undefined;
}

/** The names that lead from a folder to a path in it; `undefined` for one that is not. */
function namesIn(path: string, folder: string): readonly string[] | undefined {
  const names = relative(folder, path).split(sep).filter(Boolean);
  return names[0] === '..' ? undefined : names;
}

function isCode(path: string, root: Root): boolean {
  const names = namesIn(path, root.folder);
  return mayHoldCode(names?.slice(0, -1), root) && names?.at(-1)?.startsWith('.') === false && KINDS.has(extname(path));
}

function mayHoldCode(folders: readonly string[] | undefined, { built }: Root): boolean {
  const isPassedOver = (name: string, at: number): boolean =>
    FOREIGN.has(name) || ((BUILT.has(name) || name.startsWith('.')) && !(at === 0 && built.has(name)));
  return folders !== undefined && !folders.some(isPassedOver);
}

/** A pattern is about a path from the folder of the user or a whole one; without a slash it is about any name. */
function matcher(patterns: readonly string[], cwd: string): (path: string) => boolean {
  const about = patterns.map((pattern) => {
    const wanted = pattern.replace(/^\.\//, '');
    const isMatch = picomatch(wanted, { dot: true, basename: !wanted.includes('/') });
    return (path: string): boolean => isMatch(posix(relative(cwd, path))) || isMatch(posix(path));
  });
  return (path) => about.some((matches) => matches(path));
}

function posix(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/');
}
