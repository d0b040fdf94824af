import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MICRO_FLAGS } from '../../src/cmd/micro-flags.ts';
import { blocksOf, type Page, withoutCode } from './pages.ts';

/** One command of a page, cut into words; variables before it are words of their own. */
export interface Command {
  readonly line: number;
  readonly words: readonly string[];
}

/** What commands of pages are held against. */
export interface Repository {
  readonly root: string;
  /** The manifests of the root (under `''`) and of each workspace, by folder. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  /** Everything that npm has installed, by name. */
  readonly installed: ReadonlySet<string>;
  /** The text of all sources and tests of a folder, where flags and variables are looked for. */
  sourceOf(folder: string): string;
}

interface Manifest {
  readonly name?: string;
  readonly private?: boolean;
  readonly scripts?: Readonly<Record<string, string>>;
}

/** Programs that are not ours, of which nothing more is known here. */
const FOREIGN = new Set(['cd', 'curl', 'docker', 'echo', 'git', 'go', 'kubectl', 'mkdir', 'node', 'source']);
const CLI = 'packages/cli';
const LIFE_CYCLE = new Set(['start', 'test']);
const OWN_TO_NPM = new Set(['ci', 'deprecate', 'init', 'ls', 'outdated', 'pack', 'pkg']);
const VARIABLE = /^([A-Z][A-Z0-9_]*)=/;

/** The commands in the `sh` blocks of a page, and those of npm that stand in its text in backticks. */
export function commandsOf({ text }: Page): readonly Command[] {
  const blocks = blocksOf(text).filter(({ language }) => language === 'sh');
  const shown = blocks.flatMap(({ line, code }) => {
    const joined = code.replace(/\\\n/g, ' '.repeat(2));
    return joined.split('\n').flatMap((each, index) => cut(each, line + index));
  });
  const named = [...withoutCode(text).matchAll(/`((?:[A-Z_]+=\S+ )*np[mx] [^`\n]+)`/g)].flatMap((match) =>
    cut(match[1] ?? '', text.slice(0, match.index).split('\n').length),
  );
  return [...shown, ...named];
}

function cut(text: string, line: number): readonly Command[] {
  const words = text.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  const end = words.findIndex((word) => word.startsWith('#'));
  const commands: string[][] = [[]];
  for (const word of end === -1 ? words : words.slice(0, end)) {
    if (/^(?:&&|\|\||;|\||&)$/.test(word)) commands.push([]);
    else commands.at(-1)?.push(word);
  }
  return commands.filter((found) => found.length > 0).map((found) => ({ line, words: found }));
}

/** What is wrong with a command: `undefined` when it only names what there is. */
export function faultOf({ words }: Command, path: string, repository: Repository): string | undefined {
  const variables = words.slice(
    0,
    words.findIndex((word) => !VARIABLE.test(word)),
  );
  const unknown = variables
    .map((word) => VARIABLE.exec(word)?.[1] ?? '')
    .find((name) => !MICRO_FLAGS.some(({ env }) => env === name) && !repository.sourceOf('').includes(name));
  if (unknown !== undefined) return `nothing reads the variable ${unknown}`;
  const [program = '', ...rest] = words.slice(variables.length);
  if (program === 'npm') return npmFault(rest, path, repository);
  if (program === 'npx') {
    const [bin = '', ...args] = rest.filter((word) => word !== '--yes' && word !== '--no');
    if (bin === 'micro') return microFault(args, repository);
    return existsSync(join(repository.root, 'node_modules/.bin', bin)) ? undefined : `there is no program ${bin}`;
  }
  if (program === 'micro') return microFault(rest, repository);
  return FOREIGN.has(program) ? undefined : `nobody knows the program ${program}`;
}

function microFault(words: readonly string[], repository: Repository): string | undefined {
  const command = words.find((word) => !word.startsWith('-'));
  const isThere = new RegExp(`^ {2}\\['${command}', async`, 'm').test(repository.sourceOf(CLI));
  if (command !== undefined && !isThere) return `micro has no command ${command}`;
  const flag = words.find((word) => !isFlag(word, CLI, repository));
  return flag === undefined ? undefined : `micro ${command ?? ''} has no flag ${flag}`;
}

function npmFault(words: readonly string[], path: string, repository: Repository): string | undefined {
  const [command = '', ...rest] = words;
  if (OWN_TO_NPM.has(command)) return undefined;
  if (command === 'install' || command === 'update' || command === 'create') {
    const names = rest.filter((word) => !word.startsWith('-'));
    return command === 'create'
      ? packageFault(`create-${nameOf(names[0] ?? '')}`, path, repository)
      : names.map((name) => packageFault(nameOf(name), path, repository)).find((fault) => fault !== undefined);
  }
  if (command !== 'run' && !LIFE_CYCLE.has(command)) return `npm has no command ${command} that pages may name`;
  const script = command === 'run' ? (rest[0] ?? '') : command;
  const workspace = workspaceOf(words);
  const folder = scriptFolder(script, workspace, path, repository);
  if (folder === undefined && workspace === undefined && isOfScaffold(script, repository)) return undefined;
  if (folder === undefined) return `there is no script ${script}`;
  const end = words.indexOf('--');
  const flag = words.slice(end === -1 ? words.length : end + 1).find((word) => !isFlag(word, folder, repository));
  return flag === undefined ? undefined : `the script ${script} has no flag ${flag}`;
}

/** Whether the projects that `npm create micro` makes have such a script. */
function isOfScaffold(script: string, { sourceOf }: Repository): boolean {
  return new RegExp(`^ +'?${script}'?: '`, 'm').test(sourceOf(CLI));
}

function packageFault(name: string, path: string, { manifests, installed }: Repository): string | undefined {
  const [folder, own] = [...manifests].find(([, manifest]) => manifest.name === name) ?? [];
  // An example of a package shows how it would be installed.
  if (own?.private === true && !path.startsWith(`${folder}/`)) return `${name} is not published`;
  return own !== undefined || installed.has(name) || /^<.+>$/.test(name) ? undefined : `there is no package ${name}`;
}

/** A package without its version. */
function nameOf(word: string): string {
  return word.replace(/(?!^)@.*$/, '');
}

function workspaceOf(words: readonly string[]): string | undefined {
  const at = words.indexOf('-w');
  return at === -1 ? undefined : words[at + 1];
}

/** The folder whose script is meant: that of the workspace that is named, else the root's or the one of the page. */
function scriptFolder(
  script: string,
  workspace: string | undefined,
  path: string,
  { manifests }: Repository,
): string | undefined {
  const candidates = [...manifests].filter(([folder, { name }]) =>
    workspace === undefined ? folder === '' || path.startsWith(`${folder}/`) : name === workspace,
  );
  return candidates.find(([, { scripts = {} }]) => Object.hasOwn(scripts, script))?.[0];
}

/** Whether a word is no flag, or one that the sources of the folder name; a script of the root may run any package's. */
function isFlag(word: string, folder: string, { sourceOf }: Repository): boolean {
  const [, name] = /^--([a-z][a-z_-]*)/.exec(word) ?? [];
  if (name === undefined) return true;
  return (
    MICRO_FLAGS.some((flag) => flag.name === name) ||
    new RegExp(`--${name}\\b|'${name}'[:,]|\\b${name}: \\{`).test(sourceOf(folder))
  );
}

/** Reads what there is at `root`. */
export function readRepository(root: string): Repository {
  const folders = ['packages', 'plugins', 'examples'].flatMap((parent) =>
    readdirSync(join(root, parent)).map((name) => `${parent}/${name}`),
  );
  const manifests = new Map(
    ['', ...folders]
      .filter((folder) => existsSync(join(root, folder, 'package.json')))
      .map((folder) => [folder, JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest]),
  );
  const lock: { packages: Record<string, unknown> } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const sources = new Map<string, string>();
  const sourceOf = (folder: string): string => {
    const text = sources.get(folder) ?? textOf(root, folder === '' ? folders : [folder]);
    sources.set(folder, text);
    return text;
  };
  const installed = Object.keys(lock.packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13));
  return { root, manifests, installed: new Set(installed), sourceOf };
}

function textOf(root: string, folders: readonly string[]): string {
  const files = folders
    .flatMap((folder) => [join(root, folder, 'src'), join(root, folder, 'test')])
    .filter(existsSync)
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
        // Not the words of these checks themselves.
        .filter((name) => !name.startsWith('docs/'))
        .map((name) => join(folder, name)),
    );
  return files.map((file) => readFileSync(file, 'utf8')).join('\n');
}
