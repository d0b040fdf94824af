import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DOORS } from '../architecture/floors.ts';
import { ROOT } from '../architecture/run-page.ts';
import { exportsOf, sourceFiles } from '../architecture/source.ts';
import { readRepository } from './commands.ts';
import {
  addTypes,
  missingOptions,
  optionsOf,
  propertiesOf,
  sourceTypes,
  type Types,
  typesOf,
  unknownOptions,
} from './options.ts';
import { pages, withoutCode } from './pages.ts';

const packages = sourceTypes(ROOT);
/** What a user sets is called so. */
const OPTIONS = /(?:Options|Settings|Limits|Hooks)$/;
/** The types of options that the main door of a published package hands out, or of the example of one. */
function exportedOptions(folder: string): readonly string[] {
  const manifest: { private?: boolean; keywords?: string[] } = JSON.parse(
    readFileSync(join(ROOT, folder, 'package.json'), 'utf8'),
  );
  if (manifest.private === true && manifest.keywords?.includes('micro-plugin') !== true) return [];
  const path = join(ROOT, folder, 'src/index.ts');
  if (!existsSync(path)) return [];
  return exportsOf({ path: 'index.ts', text: readFileSync(path, 'utf8') })
    .map(({ name }) => name)
    .filter((name) => OPTIONS.test(name));
}

test('every option in a table of a page is one that the type of the table has, with its default', () => {
  expect(pages().flatMap((page) => unknownOptions(page, typesOf(page, packages)))).toEqual([]);
});

describe.each([...packages.keys()].filter((folder) => exportedOptions(folder).length > 0))(
  'the options of %s',
  (folder) => {
    const isHome = (path: string) =>
      folder === 'packages/core' ? path.startsWith('docs/components/') : path === `${folder}/README.md`;
    const homes = pages().filter(({ path }) => isHome(path));

    test.each(exportedOptions(folder))('%s has a table on one page, with a row for each', (type) => {
      const missing = homes.map((page) => {
        const types = typesOf(page, packages);
        expect(propertiesOf(type, types).size).toBeGreaterThan(0);
        return missingOptions(type, page, types);
      });
      const least = missing.reduce((a, b) => (b.length < a.length ? b : a));
      expect(least).toEqual([]);
    });
  },
);

test('options are found in the first column of tables of options, under the types that the head names', () => {
  const text = '| option of `A`, `B` | x |\n|---|---|\n| `a.b`, `c` | `d` |\n\n| part | x |\n|---|---|\n| `e` | |\n';
  expect(optionsOf(text)).toEqual([{ names: [['a', 'b'], ['c']], whole: [], types: ['A', 'B'], text: ' `d` |' }]);
});

describe('a table of options', () => {
  const types: Types = (() => {
    const found = new Map();
    addTypes(
      [
        "export interface A extends Omit<B, 'left'> {",
        '  /** In words. Default 5,000; 0 is off. */',
        '  readonly a?: number | undefined;',
        '  readonly inner?: Inner | undefined;',
        '}',
        'interface B {\n  b(): void;\n  left: string;\n}',
        'interface Inner {\n  /** Default 1 MiB. */\n  max?: number;\n}',
      ].join('\n'),
      found,
    );
    return found;
  })();
  const page = (head: string, ...rows: string[]) => ({
    path: 'x.md',
    text: `| ${head} | |\n|--|--|\n${rows.map((row) => `| ${row} |\n`).join('')}`,
  });
  const unknown = (head: string, row: string) => unknownOptions(page(head, row), types);

  test.each([
    ['names no type', 'option', '`a` | 5,000'],
    ['names a type that is not there', 'option of `C`', '`a` | 5,000'],
    ['has an option that the type has not', 'option of `A`', '`c` | –'],
    ['has one that the type leaves out of its parent', 'option of `A`', '`left` | –'],
    ['has one of a property that the property has not', 'option of `A`', '`inner.min` | –'],
    ['has a row without a name', 'option of `A`', 'a | 5,000'],
    ['has another default than the doc comment', 'option of `A`', '`a` | 4,000'],
    ['has another default of a property of a property', 'option of `A`', '`inner.max` | 2 MiB'],
  ])('that %s is found', (_, head, row) => {
    expect(unknown(head, row)).toHaveLength(1);
  });

  test('may have own and inherited options, those of a property, and a default in another unit', () => {
    expect(unknown('option of `A`', '`a` | 5 s')).toEqual([]);
    expect(unknown('option of `A`', '`b`, `inner` | –')).toEqual([]);
    expect(unknown('option of `B`, `A`', '`inner.max` | 1 MiB')).toEqual([]);
  });

  test('that leaves an option out is found', () => {
    expect(missingOptions('A', page('option of `A`', '`a` | 5,000', '`inner.max` | 1 MiB'), types)).toEqual(['b']);
    expect(missingOptions('A', page('option of `B`', '`b` | –'), types)).toEqual(['b', 'a', 'inner']);
    expect(missingOptions('B', page('option of `A`', '`b` | –'), types)).toEqual(['left']);
  });
});

test('what the code of a page imports from core is what core hands out', () => {
  const doors = new Map(
    DOORS.map((path) => {
      const door = sourceFiles().find((file) => file.path === path);
      return [path, new Set(door === undefined ? [] : exportsOf(door).map(({ name }) => name))];
    }),
  );
  const unknown = pages().flatMap(({ path, text }) =>
    [...text.matchAll(/^import (?:type )?\{([^}]*)\} from '@micro\/core(?:\/(conformance|plugin))?';$/gm)].flatMap(
      ([, list = '', door = 'index']) =>
        list
          .split(',')
          .map((item) =>
            item
              .trim()
              .replace(/^type /, '')
              .replace(/ as .*$/, ''),
          )
          .filter((name) => name !== '' && !doors.get(`${door}.ts`)?.has(name))
          .map((name) => `${path} imports ${name}`),
    ),
  );
  expect(unknown).toEqual([]);
});

/* A page says which test holds what it claims as a link to the file, and the title of the test in quotes. */
test('every test that a page names by its title is there', () => {
  const missing = pages().flatMap(({ path, text }) =>
    [...text.matchAll(/\]\(([^)]+\.test\.ts)\):? "([^"]+)"/g)]
      .filter(([, file = '', title = '']) => !readFileSync(join(ROOT, path, '..', file), 'utf8').includes(title))
      .map(([, file, title]) => `${path}: ${file} has no test called "${title}"`),
  );
  expect(missing).toEqual([]);
});

test('the functions that a page names are in the source, or in the code of the page', () => {
  const functionsIn = (text: string) =>
    [...text.matchAll(/\b([a-z]\w*)(?:\?|<[^(]*>)?\(/g)].map(([, name = '']) => name);
  const known = new Set(functionsIn(readRepository(ROOT).sourceOf('')));
  const unknown = pages()
    .filter(({ path }) => path.startsWith('docs/') || /^README/.test(path))
    .flatMap(({ path, text }) => {
      const prose = withoutCode(text);
      const own = new Set(functionsIn([...text.matchAll(/^```ts[\s\S]*?^```$/gm)].join('\n')));
      return [...prose.matchAll(/`(?:\w+\.)*([a-z][A-Za-z0-9]*)\([^`\n]*`/g)]
        .filter(([, name = '']) => !known.has(name) && !own.has(name))
        .map(([code]) => `${path} names ${code}`);
    });
  expect(unknown).toEqual([]);
});
