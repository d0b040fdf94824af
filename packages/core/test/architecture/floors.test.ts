import { describe, expect, test } from 'vitest';
import { cycles, FLOORS, floorViolations } from './floors.ts';
import { importsOf, type SourceFile, sourceFiles, withoutComments } from './source.ts';

const files = sourceFiles();

describe('the floors of core', () => {
  test('every folder imports only from lower floors and from itself', () => {
    expect(floorViolations(files)).toEqual([]);
  });

  test('no files import each other in a circle, not even for types', () => {
    expect(cycles(files)).toEqual([]);
  });

  test('contracts are types: nothing in them runs but the names of header fields', () => {
    const running = files
      .filter(({ path }) => path.startsWith('contract/') && path !== 'contract/header.ts')
      .filter(({ text }) => /^(?:export )?(?:async )?(?:const|let|function|class|import (?!type))/m.test(text));
    expect(running.map(({ path }) => path)).toEqual([]);
  });

  test('a contract imports packages only for their types', () => {
    const values = files
      .filter(({ path }) => path.startsWith('contract/'))
      .filter(({ text }) => /^import (?!type )/m.test(withoutComments(text)));
    expect(values.map(({ path }) => path)).toEqual([]);
  });

  test('conformance cases know only contracts, errors and node:assert', () => {
    const others = files
      .filter(({ path }) => path.startsWith('conformance/'))
      .flatMap((file) =>
        importsOf(file)
          .filter((specifier) => !/^(?:node:assert\/strict$|\.\/|\.\.\/contract\/|\.\.\/error\/)/.test(specifier))
          .map((specifier) => `${file.path} imports ${specifier}`),
      );
    expect(others).toEqual([]);
  });
});

describe('the check of the floors finds', () => {
  const ground: readonly SourceFile[] = [
    'contract/a.ts',
    'util/a.ts',
    'rpc/a.ts',
    'codec/a.ts',
    'client/a.ts',
    'index.ts',
  ].map((path) => ({ path, text: '' }));
  function plant(path: string, text: string): readonly string[] {
    return floorViolations([...ground.filter((file) => file.path !== path), { path, text }]);
  }

  test('an import from a higher floor', () => {
    expect(plant('util/a.ts', "import { a } from '../rpc/a.ts';")).toEqual([
      'util/a.ts imports ../rpc/a.ts: rpc is above util',
    ]);
  });

  test('an import between two folders of one floor, even for a type', () => {
    expect(plant('rpc/a.ts', "import type { A } from '../codec/a.ts';")).toEqual([
      'rpc/a.ts imports ../codec/a.ts: rpc and codec share a floor, so they are strangers',
    ]);
  });

  test.each([
    ['over several lines', "import {\n  a,\n  type B,\n} from '../client/a.ts';"],
    ['that is a re-export', "export { a } from '../client/a.ts';"],
    ['for its effect', "import '../client/a.ts';"],
    ['made at run time', "async function f() {\n  return import('../client/a.ts');\n}"],
    ['inside a type', "type A = typeof import('../client/a.ts');"],
    ['after a regular expression with quotes', "const a = /['\"`]/;\nimport { b } from '../client/a.ts';"],
  ])('an import %s', (_, text) => {
    expect(plant('rpc/a.ts', text)).toEqual(['rpc/a.ts imports ../client/a.ts: client is above rpc']);
  });

  test('an import of a door', () => {
    expect(plant('rpc/a.ts', "import { a } from '../index.ts';")).toHaveLength(1);
  });

  test('a file that is not there, a folder without a floor, and a file beside the doors', () => {
    expect(plant('rpc/a.ts', "import { a } from './b.js';")).toHaveLength(1);
    expect(plant('attic/a.ts', '')).toHaveLength(1);
    expect(plant('helper.ts', '')).toHaveLength(1);
  });

  test('nothing in a comment, in a string, or where a door hands out what is below', () => {
    expect(plant('rpc/a.ts', "// import('../client/a.ts')\n/*\nimport '../client/a.ts';\n*/\n")).toEqual([]);
    expect(plant('rpc/a.ts', "import '../contract/a.ts';\nimport './a.ts';\nimport 'node:fs';")).toEqual([]);
    expect(plant('index.ts', "export { a } from './client/a.ts';")).toEqual([]);
  });

  test('a circle of three files, once', () => {
    const circle = [
      { path: 'rpc/a.ts', text: "import type { B } from './b.ts';" },
      { path: 'rpc/b.ts', text: "import { c } from './c.ts';" },
      { path: 'rpc/c.ts', text: "export { a } from './a.ts';" },
    ];
    expect(cycles(circle)).toEqual(['rpc/a.ts → rpc/b.ts → rpc/c.ts → rpc/a.ts']);
    expect(cycles(circle.slice(0, 2))).toEqual([]);
  });
});

test('each folder stands on one floor', () => {
  expect(new Set(FLOORS.flat()).size).toBe(FLOORS.flat().length);
});
