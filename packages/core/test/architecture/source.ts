import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/*
 * What the architecture tests know about the source. TypeScript 7 has no stable API to ask, so they read the text. That
 * is exact because Biome has formatted it: a statement of a module begins in the first column, and quotes are single.
 */

/** The folder of the package. */
export const PACKAGE = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** One file: its path under `src` with forward slashes, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Every TypeScript file under `src`, sorted. */
export function sourceFiles(): readonly SourceFile[] {
  const root = join(PACKAGE, 'src');
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => ({
      path: relative(root, join(root, name)).split(sep).join('/'),
      text: readFileSync(join(root, name), 'utf8'),
    }));
}

/** `import`, `export … from`, `import()` of a module or a type, `require`, and what `createRequire` loads. */
const STATIC = /^(?:import|export)\s(?:[^;'"]*?\sfrom\s+)?'([^']+)'/gm;
const DYNAMIC = /(?:\bimport|\brequire|\brequire\.resolve|\bcreateRequire\([^)]*\))\(\s*'([^']+)'/g;

/** What a file imports, as written, in order and without repetitions. */
export function importsOf(file: SourceFile): readonly string[] {
  const code = withoutComments(file.text);
  const found = [...code.matchAll(STATIC), ...code.matchAll(DYNAMIC)].map((match) => match[1] ?? '');
  return [...new Set(found)];
}

/** The path under `src` that a relative import means; `undefined` for a package. */
export function resolveImport(from: SourceFile, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from.path), specifier) : undefined;
}

/** The name of the package of a bare import: `@scope/name/sub` is `@scope/name`. */
export function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** One name that a door hands out. */
export interface Export {
  readonly name: string;
  readonly kind: 'type' | 'value';
  /** The file under `src` that the door takes it from, and its name there. */
  readonly from: string;
  readonly original: string;
}

const RE_EXPORT = /^export (type )?\{([^}]*)\} from '([^']+)';/gm;

/** What a door hands out. A door has nothing but `export { … } from '…'`, so this is all of it. */
export function exportsOf(door: SourceFile): readonly Export[] {
  return [...withoutComments(door.text).matchAll(RE_EXPORT)].flatMap(([, allTypes, list = '', specifier = '']) =>
    list
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
      .map((item): Export => {
        const isType = allTypes !== undefined || item.startsWith('type ');
        const [original = '', name = original] = item.replace(/^type /, '').split(' as ');
        return { name, kind: isType ? 'type' : 'value', from: resolveImport(door, specifier) ?? specifier, original };
      }),
  );
}

/** The text with every comment blanked out; line breaks, strings and columns stay where they are. */
export function withoutComments(text: string): string {
  return text.replace(TOKEN, (token) => (/^\/[/*]/.test(token) ? token.replace(/[^\n]/g, ' ') : token));
}

/** The string literals of a file, without their quotes; templates in one piece. */
export function stringsOf(file: SourceFile): readonly string[] {
  return [...file.text.matchAll(TOKEN)]
    .map(([token]) => token)
    .filter((token) => /^['"`]/.test(token))
    .map((token) => token.slice(1, -1));
}

/**
 * What may hide a comment or a quote: comments, strings, templates (as far as they do not nest), and regular expressions,
 * which stand after an operator, a bracket or `return`.
 */
const TOKEN = new RegExp(
  [
    String.raw`\/\/[^\n]*`,
    String.raw`\/\*[\s\S]*?\*\/`,
    String.raw`'(?:[^'\\\n]|\\.)*'`,
    String.raw`"(?:[^"\\\n]|\\.)*"`,
    '`(?:[^`\\\\]|\\\\[\\s\\S])*`',
    String.raw`(?<=(?:[(,=:[!&|?{};+]|\breturn|=>)\s*)\/(?![/*])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*`,
  ].join('|'),
  'g',
);
