import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { sourcePositions } from '../src/source-positions.ts';
import type { Frame } from '../src/stacks.ts';
import { testFolder } from './read-profile.ts';

/*
 * Of line 1 the source is on lines 10 and 12: there `a` is called `longName`, and the parameter `d`, where the function `c`
 * begins, `request`. Line 2 has no mapping.
 */
const CODE = 'function a(b){};let c=d=>{};\ncode();\n';
const MAP = {
  version: 3,
  sources: ['../src/a.ts'],
  names: ['longName', 'c', 'request'],
  mappings: 'AASA,SAASA,CAAQ,UAEbC,EAAIC',
};
/** Where the parameters of `a` and of `c` begin. */
const A = CODE.indexOf('(b') + 1;
const C = CODE.indexOf('d=>') + 1;

/** Code with a map, and where they are. */
function compiled({ map = JSON.stringify(MAP), url = 'a.js.map', name = 'a.js' } = {}): string {
  const folder = join(testFolder(), 'dist');
  mkdirSync(folder);
  writeFileSync(join(folder, 'a.js.map'), map);
  const path = join(folder, name);
  writeFileSync(path, `${CODE}const s = "//# sourceMappingURL=nothing.map";\n//# sourceMappingURL=${url}\n`);
  return path;
}

const at = (file: string, line: number, column: number, name = 'a'): Frame => ({ name, file, line, column });

describe('a frame is shown where it is in the source', () => {
  test('with a map beside the code', async () => {
    const file = compiled();
    const source = join(file, '../../src/a.ts');
    expect(await sourcePositions().resolve([at(file, 1, A), at(file, 1, C, 'c'), at(file, 2, 1)])).toEqual([
      { name: 'longName', file: source, line: 10, column: 18 },
      { name: 'c', file: source, line: 12, column: 9 },
      at(file, 2, 1),
    ]);
  });

  test('and never called after its first parameter', async () => {
    expect(await sourcePositions().resolve([at(compiled(), 1, C, '(anonymous:L#1:C#23)')])).toMatchObject([
      { name: '(anonymous a.ts:12:9)' },
    ]);
  });

  test('and a method keeps the name of its class', async () => {
    expect(await sourcePositions().resolve([at(compiled(), 1, A, 'Thing.a')])).toMatchObject([
      { name: 'Thing.longName' },
    ]);
  });

  test('with a map in the code', async () => {
    const file = compiled({ url: `data:application/json;base64,${btoa(JSON.stringify(MAP))}` });
    expect(await sourcePositions().resolve([at(file, 1, A)])).toMatchObject([{ name: 'longName', line: 10 }]);
    const plain = compiled({ url: `data:application/json;charset=utf-8,${encodeURIComponent(JSON.stringify(MAP))}` });
    expect(await sourcePositions().resolve([at(plain, 1, A)])).toMatchObject([{ name: 'longName', line: 10 }]);
  });

  test('in a folder whose name needs to be encoded, as modules have it', async () => {
    const file = compiled({ name: 'a b.js' });
    const encoded = pathToFileURL(file).href.slice('file://'.length);
    expect(encoded).toContain('a%20b.js');
    expect(await sourcePositions().resolve([at(encoded, 1, A)])).toMatchObject([{ name: 'longName', line: 10 }]);
  });

  test('and a bundler’s own names of sources stay as they are', async () => {
    const file = compiled({ map: JSON.stringify({ ...MAP, sources: ['webpack://app/./src/a.ts'] }) });
    expect(await sourcePositions().resolve([at(file, 1, 1)])).toMatchObject([{ file: 'webpack://app/src/a.ts' }]);
  });

  test('and sources are looked for at the root that the map names', async () => {
    const file = compiled({ map: JSON.stringify({ ...MAP, sourceRoot: '../lib', sources: ['a.ts'] }) });
    expect(await sourcePositions().resolve([at(file, 1, 1)])).toMatchObject([{ file: join(file, '../../lib/a.ts') }]);
  });

  test('and a function without a name is called after its place', async () => {
    const file = compiled({ map: JSON.stringify({ ...MAP, mappings: 'AASI' }) });
    expect(
      await sourcePositions().resolve([
        at(file, 1, 1, '(anonymous:L#1:C#1)'),
        at('/x/b.js', 3, 4, '(anonymous:L#3:C#4)'),
      ]),
    ).toMatchObject([{ name: '(anonymous a.ts:10:5)' }, { name: '(anonymous b.js:3:4)' }]);
  });
});

describe('reading source maps', () => {
  test('takes few turns of an event loop that is busy, however many files there are', async () => {
    const files = Array.from({ length: 50 }, () => compiled());
    let turns = 0;
    const turn = (): void => {
      turns++;
      const until = performance.now() + 10;
      while (performance.now() < until);
      next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    const found = await sourcePositions().resolve(files.map((file) => at(file, 1, A)));
    clearImmediate(next);
    expect(found.map(({ name }) => name)).toEqual(files.map(() => 'longName'));
    // One file after the other it would be some 700.
    expect(turns).toBeLessThan(150);
  });

  test('finds again what it has forgotten to make room for others', async () => {
    const file = compiled();
    const positions = sourcePositions();
    await positions.resolve([at(file, 1, A)]);
    const others = Array.from({ length: 100_000 }, (_, index) => at('/nowhere/at/all.js', index, 1));
    expect((await positions.resolve([at(file, 1, A), ...others]))[0]).toMatchObject({ name: 'longName', line: 10 });
  });

  test('does not wait for a file that hangs, and finds what is in the others', async () => {
    const hangs = join(testFolder(), 'hangs.js');
    execFileSync('mkfifo', [hangs]);
    const positions = sourcePositions();
    expect(await positions.resolve([at(hangs, 1, A), at(compiled(), 1, A)])).toMatchObject([
      { name: 'a', file: hangs, line: 1 },
      { name: 'longName', line: 10 },
    ]);
    writeFileSync(hangs, '');
  }, 20_000);
});

describe('a frame stays as it is', () => {
  test.each([
    ['where there is no code', at('/nowhere/at/all.js', 1, 1)],
    ['inside of node', at('node:internal/timers', 10, 2)],
    ['inside of the engine', at('', 0, 0, 'Garbage Collection')],
    ['where a name in it is badly encoded', at('/a%zz%41.js', 1, 1)],
  ])('%s', async (_, frame) => {
    expect(await sourcePositions().resolve([frame])).toMatchObject([{ name: frame.name, line: frame.line }]);
  });

  test.each([
    ['that is no JSON', { map: 'no' }],
    ['of another kind', { map: '{"version":3}' }],
    ['that is null', { map: 'null' }],
  ])('with a map %s, of which its user hears once', async (_, options) => {
    const file = compiled(options);
    const heard: string[] = [];
    const positions = sourcePositions((path) => heard.push(path));
    expect(await positions.resolve([at(file, 1, 1)])).toEqual([at(file, 1, 1)]);
    expect(await positions.resolve([at(file, 1, 1), at(file, 1, 2)])).toEqual([at(file, 1, 1), at(file, 1, 2)]);
    expect(heard).toEqual([file]);
  });

  test.each(['http://127.0.0.1:1/a.js.map', 'a-missing.map', 'https://example.com/a.js.map'])(
    'where the map is at %s',
    async (url) => {
      const file = compiled({ url });
      expect(await sourcePositions().resolve([at(file, 1, 1)])).toEqual([at(file, 1, 1)]);
    },
  );
});
