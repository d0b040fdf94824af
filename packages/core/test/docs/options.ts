import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Page, withoutCode } from './pages.ts';

/** The properties of each interface and object type of the source, by the name of the type. */
export type Types = ReadonlyMap<string, TypeText>;

interface TypeText {
  readonly properties: ReadonlySet<string>;
  readonly parents: readonly string[];
}

/** One name in the first column of a table of options. */
export interface OptionName {
  readonly name: string;
  /** The type that the head of the table names, `undefined` where it only says `option`. */
  readonly type: string | undefined;
}

const TABLE = /^\|(.+)\|[ \t]*\n\|[-:| ]+\|[ \t]*\n((?:\|.*\n?)+)/gm;
const INTERFACE = /\binterface (\w+)(?:<[^{]*?>)?(?:\s+extends\s+([^{]+?))?\s*\{\n([\s\S]*?)\n\}/g;
const PROPERTY = /^ {2}(?:readonly )?(\w+)\??[:(<]/gm;

/** The names in the tables of a text whose first column is headed `option`, or `option of` and a type in backticks. */
export function optionsOf(text: string): readonly OptionName[] {
  return [...withoutCode(text).matchAll(TABLE)].flatMap(([, head = '', body = '']) => {
    const [first = ''] = head.split('|');
    if (!/^\s*options?\b/i.test(first)) return [];
    const type = /`(\w+)`/.exec(first)?.[1];
    return body.split('\n').flatMap((row) =>
      [...(row.split(/(?<!\\)\|/)[1] ?? '').matchAll(/`([^`]+)`/g)]
        // `server.drainMs` is the option `drainMs`; what is no name (a flag, a value) is not meant.
        .map(([, code = '']) => code.split('.').at(-1) ?? '')
        .filter((name) => /^[a-z][A-Za-z0-9]*$/.test(name))
        .map((name) => ({ name, type })),
    );
  });
}

/** The types in the source of every package and plugin at `root`. */
export function sourceTypes(root: string): Types {
  const types = new Map<string, TypeText>();
  for (const folder of ['packages', 'plugins'].map((name) => join(root, name)).filter(existsSync)) {
    for (const source of readdirSync(folder).map((name) => join(folder, name, 'src'))) {
      if (!existsSync(source)) continue;
      for (const file of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
        if (file.endsWith('.ts')) addTypes(readFileSync(join(source, file), 'utf8'), types);
      }
    }
  }
  return types;
}

/** Adds the interfaces of a file. Two of one name are taken together. */
export function addTypes(text: string, types: Map<string, TypeText>): void {
  for (const [, name = '', parents = '', body = ''] of text.matchAll(INTERFACE)) {
    const known = types.get(name);
    types.set(name, {
      properties: new Set([...(known?.properties ?? []), ...[...body.matchAll(PROPERTY)].map(([, one = '']) => one)]),
      parents: [...(known?.parents ?? []), ...[...parents.matchAll(/\b[A-Z]\w*/g)].map(([one]) => one)],
    });
  }
}

/** What is wrong with the options of a page, one sentence each. */
export function unknownOptions(page: Page, types: Types): readonly string[] {
  return optionsOf(page.text).flatMap(({ name, type }) => {
    if (type !== undefined && !types.has(type)) return [`${page.path} has a table of ${type}: there is no such type`];
    const candidates = type === undefined ? [...types.keys()] : [type];
    if (candidates.some((candidate) => hasProperty(candidate, name, types))) return [];
    return [
      `${page.path} has an option ${name}: ${type ?? 'no type'} has ${type === undefined ? 'it' : 'no such one'}`,
    ];
  });
}

function hasProperty(type: string, name: string, types: Types): boolean {
  const found = types.get(type);
  if (found === undefined) return false;
  return found.properties.has(name) || found.parents.some((parent) => hasProperty(parent, name, types));
}
