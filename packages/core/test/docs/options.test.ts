import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DOORS } from '../architecture/floors.ts';
import { ROOT } from '../architecture/run-page.ts';
import { exportsOf, sourceFiles } from '../architecture/source.ts';
import { addTypes, optionsOf, sourceTypes, unknownOptions } from './options.ts';
import { pages, withoutCode } from './pages.ts';

test('every option in a table of a page is one that a type has', () => {
  const types = sourceTypes(ROOT);
  expect(pages().flatMap((page) => unknownOptions(page, types))).toEqual([]);
});

test('options are found in the first column of tables of options, under the type that the head names', () => {
  const text = '| option of `A` | x |\n|---|---|\n| `a.b`, `--c` | `d` |\n\n| part | x |\n|---|---|\n| `e` | |\n';
  expect(optionsOf(text)).toEqual([{ name: 'b', type: 'A' }]);
  expect(optionsOf('| Option |\n|:--|\n| `f` |\n| `g` |')).toEqual([
    { name: 'f', type: undefined },
    { name: 'g', type: undefined },
  ]);
});

test('an option that no type has is found, and one of another type, and a type that is not there', () => {
  const types = new Map();
  addTypes('export interface A extends B {\n  readonly a?: string;\n}\ninterface B {\n  b(): void;\n}', types);
  const check = (head: string, option: string) =>
    unknownOptions({ path: 'x.md', text: `| ${head} |\n|--|\n| \`${option}\` |\n` }, types);
  expect(check('option', 'c')).toHaveLength(1);
  expect(check('option of `B`', 'a')).toHaveLength(1);
  expect(check('option of `C`', 'a')).toHaveLength(1);
  expect([...check('option', 'a'), ...check('option of `A`', 'b'), ...check('option of `A`', 'a')]).toEqual([]);
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

test('the functions that the pages for newcomers name are in the source, or in the code of the page', () => {
  const functionsIn = (text: string) =>
    [...text.matchAll(/\b([a-z]\w*)(?:\?|<[^(]*>)?\(/g)].map(([, name = '']) => name);
  const known = new Set(sourceFiles().flatMap(({ text }) => functionsIn(text)));
  const shown = ['docs/from-go-micro.md', 'docs/writing-a-plugin.md', 'docs/operating.md'];
  const unknown = pages()
    .filter(({ path }) => shown.includes(path))
    .flatMap(({ path, text }) => {
      const prose = withoutCode(text);
      const own = new Set(functionsIn([...text.matchAll(/^```ts[\s\S]*?^```$/gm)].join('\n')));
      return [...prose.matchAll(/`(?:\w+\.)*([a-z][A-Za-z0-9]*)\([^`\n]*`/g)]
        .filter(([, name = '']) => !known.has(name) && !own.has(name))
        .map(([code]) => `${path} names ${code}`);
    });
  expect(unknown).toEqual([]);
});
