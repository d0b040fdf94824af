import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Page, withoutCode } from './pages.ts';

/** One property of an interface. */
export interface Property {
  readonly name: string;
  /** Its type as it is written. */
  readonly type: string;
  /** Its doc comment. */
  readonly doc: string;
}

interface TypeText {
  readonly properties: ReadonlyMap<string, Property>;
  readonly parents: readonly Parent[];
}

interface Parent {
  readonly name: string;
  /** What `Omit` leaves out of it. */
  readonly without: readonly string[];
}

/** The interfaces of one package by name. */
export type Types = ReadonlyMap<string, TypeText>;

/** One row of a table of options. */
export interface OptionRow {
  /** The names in its first column; `inbox.maxBytes` is a property of a property. */
  readonly names: readonly (readonly string[])[];
  /** The types in its first column: all their properties are meant. */
  readonly whole: readonly string[];
  /** The types that the head of the table names. */
  readonly types: readonly string[];
  /** The other columns. */
  readonly text: string;
}

const TABLE = /^\|(.+)\|[ \t]*\n\|[-:| ]+\|[ \t]*\n((?:\|.*\n?)+)/gm;
const INTERFACE = /\binterface (\w+)(?:<[^{]*?>)?(?:\s+extends\s+([^{]+?))?\s*\{\n([\s\S]*?)\n\}/g;
const ALIAS = /^export type (\w+) = ((?:Omit<)?[A-Z][^;]*);/gm;
const PROPERTY = /^ {2}(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+)?(?:readonly )?(\w+)\??([:(<][^\n]*)/gm;
const PARENT = /Omit<(\w+)(?:<[^>]*>)?, ([^>]*)>|\b([A-Z]\w*)/g;

/** The rows of the tables of a text whose first column is headed `option of` and types in backticks. */
export function optionsOf(text: string): readonly OptionRow[] {
  return [...withoutCode(text).matchAll(TABLE)].flatMap(([, head = '', body = '']) => {
    const [first = ''] = head.split('|');
    if (!/^\s*options?\b/i.test(first)) return [];
    const types = [...first.matchAll(/`(\w+)`/g)].map(([, type = '']) => type);
    // The options of a command are flags, and no properties of a type.
    if (types.length === 0 && /^\| `--/m.test(body)) return [];
    return body.split('\n').flatMap((row) => {
      const [, cell = '', ...others] = row.split(/(?<!\\)\|/);
      const codes = [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
      // What is neither (a flag, a value) is not meant.
      const names = codes.filter((code) => /^[a-z][A-Za-z0-9]*(?:\.[a-z][A-Za-z0-9]*)*$/.test(code));
      const whole = codes.filter((code) => /^[A-Z]\w*$/.test(code));
      const paths = names.map((name) => name.split('.'));
      return row.trim() === '' ? [] : [{ names: paths, whole, types, text: others.join('|') }];
    });
  });
}

/** The interfaces in the source of each package, by its folder. */
export function sourceTypes(root: string): ReadonlyMap<string, Types> {
  const packages = new Map<string, Types>();
  for (const parent of ['packages', 'plugins', 'examples']) {
    for (const folder of readdirSync(join(root, parent)).map((name) => `${parent}/${name}`)) {
      const source = join(root, folder, 'src');
      if (!existsSync(source)) continue;
      const types = new Map<string, TypeText>();
      for (const file of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
        if (file.endsWith('.ts')) addTypes(readFileSync(join(source, file), 'utf8'), types);
      }
      packages.set(folder, types);
    }
  }
  return packages;
}

/** Adds the interfaces of a file, and the object types that are made of others. Two of one name are taken together. */
export function addTypes(text: string, types: Map<string, TypeText>): void {
  const aliases = [...text.matchAll(ALIAS)].map(([, name, from = '']) => {
    const [parents = '', body = ''] = from.split('{');
    return [undefined, name, parents, body.replaceAll(' readonly ', '  readonly ')];
  });
  for (const [, name = '', parents = '', body = ''] of [...text.matchAll(INTERFACE), ...aliases]) {
    const known = types.get(name);
    const properties = [...body.matchAll(PROPERTY)].map(([, doc = '', property = '', type = '']) => ({
      name: property,
      type,
      doc: doc.replace(/\s*\n\s*\* ?/g, ' ').trim(),
    }));
    const found = [...parents.matchAll(PARENT)].map(([, omitted, without = '', plain]) => ({
      name: omitted ?? plain ?? '',
      without: [...without.matchAll(/'(\w+)'/g)].map(([, left = '']) => left),
    }));
    types.set(name, {
      properties: new Map([
        ...(known?.properties ?? []),
        ...properties.map((property) => [property.name, property] as const),
      ]),
      parents: [...(known?.parents ?? []), ...found],
    });
  }
}

/** The types that a page may name, its own package's before core's before all others'. */
export function typesOf({ path }: Page, packages: ReadonlyMap<string, Types>): Types {
  const own = [...packages].filter(([folder]) => path.startsWith(`${folder}/`));
  const core = [...packages].filter(([folder]) => folder === 'packages/core');
  const merged = new Map<string, TypeText>();
  for (const [, types] of [...own, ...core, ...packages]) {
    for (const [name, type] of types) if (!merged.has(name)) merged.set(name, type);
  }
  return merged;
}

/** The properties of a type, those of its parents among them. */
export function propertiesOf(name: string, types: Types): ReadonlyMap<string, Property> {
  const type = types.get(name);
  const inherited = (type?.parents ?? []).flatMap(({ name: parent, without }) =>
    [...propertiesOf(parent, types)].filter(([property]) => !without.includes(property)),
  );
  return new Map([...inherited, ...(type?.properties ?? [])]);
}

/** What is wrong with the rows of options of a page, one sentence each. */
export function unknownOptions(page: Page, types: Types): readonly string[] {
  return optionsOf(page.text).flatMap((row) => {
    if (row.types.length === 0) return [`${page.path} has a table of options that does not say of which type`];
    const missing = row.types.filter((type) => !types.has(type));
    if (missing.length > 0) return [`${page.path} has a table of ${missing.join(', ')}: there is no such type`];
    const shown = row.names.map((path) => path.join('.')).join(', ');
    const strange = row.whole.filter((whole) => !row.types.some((type) => isHeir(type, whole, types)));
    if (strange.length > 0)
      return [`${page.path} has all of ${strange.join(', ')}: ${row.types.join(', ')} is no heir`];
    if (row.names.length + row.whole.length === 0)
      return [`${page.path} has a row that names no option of ${row.types.join(', ')}`];
    return row.names.flatMap((path) => {
      const property = row.types.map((type) => propertyAt(type, path, types)).find((found) => found !== undefined);
      if (property === undefined) return [`${page.path} has an option ${shown}: ${row.types.join(', ')} has none`];
      const fault = defaultFault(property, row);
      return fault === undefined ? [] : [`${page.path} has ${path.join('.')}: ${fault}`];
    });
  });
}

/** The properties of a type that no row of a page is about, where the page has a table of the type, or of an heir. */
export function missingOptions(type: string, page: Page, types: Types): readonly string[] {
  const rows = optionsOf(page.text).filter((row) =>
    row.types.some((name) => name === type || isHeir(name, type, types)),
  );
  const named = new Set([
    ...rows.flatMap(({ names, whole }) => [
      ...names.map(([first = '']) => first),
      ...whole.flatMap((name) => [...propertiesOf(name, types).keys()]),
    ]),
    ...optionsOf(page.text).flatMap((row) => namesWithin(type, row, types)),
  ]);
  return [...propertiesOf(type, types).keys()].filter((property) => !named.has(property));
}

/** The properties of a type that a row names as properties of a property: `maxBytes` of `inbox.maxBytes`. */
function namesWithin(type: string, row: OptionRow, types: Types): readonly string[] {
  return row.names.flatMap(([first = '', second]) => {
    const holds = row.types.some((name) => innerTypes(propertiesOf(name, types).get(first)).includes(type));
    return holds && second !== undefined ? [second] : [];
  });
}

function innerTypes(property: Property | undefined): readonly string[] {
  return [...(property?.type ?? '').matchAll(/\b[A-Z]\w*/g)].map(([name]) => name);
}

function isHeir(name: string, of: string, types: Types): boolean {
  const { parents = [] } = types.get(name) ?? {};
  return parents.some((parent) => parent.name === of || isHeir(parent.name, of, types));
}

function propertyAt(type: string, [first = '', ...rest]: readonly string[], types: Types): Property | undefined {
  const property = propertiesOf(type, types).get(first);
  if (property === undefined || rest.length === 0) return property;
  return innerTypes(property)
    .map((name) => propertyAt(name, rest, types))
    .find((found) => found !== undefined);
}

/* A default --------------------------------------------------------------------------------------------------- */

const DEFAULT = /\bDefault:? (?:`([^`]+)`|(true|false)\b|(\d+(?:,\d{3})*(?: ?(?:KiB|MiB|GiB|ms|s|min)\b)?))/;
const NUMBER = /(\d+(?:,\d{3})*)(?: ?(KiB|MiB|GiB|ms|s|min)\b)?/g;
const UNITS: Readonly<Record<string, number>> = {
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  s: 1_000,
  min: 60_000,
};

/** A default that the doc comment of an option has, and its row has not. */
function defaultFault({ doc }: Property, { text }: OptionRow): string | undefined {
  const [, code, truth, number] = DEFAULT.exec(doc) ?? [];
  const word = code ?? truth;
  const isThere =
    word !== undefined
      ? text.includes(word)
      : number === undefined || numbersIn(number).every((value) => numbersIn(text).includes(value));
  return isThere ? undefined : `its default is ${word ?? number}, and the row does not say so`;
}

function numbersIn(text: string): readonly number[] {
  return [...text.matchAll(NUMBER)].map(([, digits = '', unit = '']) => {
    return Number(digits.replaceAll(',', '')) * (UNITS[unit] ?? 1);
  });
}
