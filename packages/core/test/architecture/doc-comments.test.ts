import { expect, test } from 'vitest';
import { DOORS } from './floors.ts';
import { type Export, exportsOf, type SourceFile, sourceFiles } from './source.ts';

const files = new Map(sourceFiles().map((file) => [file.path, file]));

test('everything that the doors hand out has a doc comment', () => {
  const bare = DOORS.flatMap((path) => {
    const door = files.get(path);
    return door === undefined ? [] : exportsOf(door).flatMap((item) => fault(item, files) ?? []);
  });
  expect(bare).toEqual([]);
});

test('the check finds a declaration without a comment, and one that is not there', () => {
  const item: Export = { name: 'a', original: 'a', kind: 'value', from: 'x.ts' };
  const check = (text: string) => fault(item, new Map([['x.ts', { path: 'x.ts', text }]]));
  expect(check('export function a(): void {}')).toMatch('has no doc comment');
  expect(check('// a\nexport const a = 1;')).toMatch('has no doc comment');
  expect(check('/** B. */\nexport const b = 1;\nexport const a = 1;')).toMatch('has no doc comment');
  expect(check('/** A. */\nexport const ab = 1;')).toMatch('is not declared');
  expect(check('/** A. */\nexport async function a<T>(): Promise<void> {}')).toBeUndefined();
  expect(check('/**\n * A.\n */\n// biome-ignore lint/x/y: z\nexport type a = 1;')).toBeUndefined();
});

/** A name may be handed on by a file between the door and its declaration. */
function fault(item: Export, all: ReadonlyMap<string, SourceFile>): string | undefined {
  const file = all.get(item.from);
  const handedOn = file && exportsOf(file).find(({ name }) => name === item.original);
  if (handedOn !== undefined) return fault(handedOn, all);
  const declaration = new RegExp(
    `^export (?:declare |abstract |async )*(?:class|interface|type|function\\*?|const) ${item.original}\\b`,
    'm',
  );
  const at = file?.text.search(declaration) ?? -1;
  if (at === -1) return `${item.original} is not declared in ${item.from}`;
  const before = file?.text.slice(0, at).replace(/(?:\/\/ biome-ignore[^\n]*\n)+$/, '') ?? '';
  return /\*\/\n$/.test(before) ? undefined : `${item.original} in ${item.from} has no doc comment`;
}
