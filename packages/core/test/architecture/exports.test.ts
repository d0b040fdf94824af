import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DOORS } from './floors.ts';
import { exportsOf, PACKAGE, type SourceFile, sourceFiles, withoutComments } from './source.ts';

const doors = sourceFiles().filter(({ path }) => DOORS.includes(path));

/*
 * What the package promises. A change of exports.txt is a change of the promise, so its diff is what a reviewer reads:
 * `npm run exports -w @micro/core` writes it anew.
 */
test('the doors hand out what exports.txt lists, no more and no less', async () => {
  const list = doors.flatMap((door) => {
    const name = door.path === 'index.ts' ? '.' : `./${door.path.replace(/\.ts$/, '')}`;
    return exportsOf(door)
      .map((item) => `${name} ${item.kind} ${item.name}`)
      .sort();
  });
  await expect(`${list.join('\n')}\n`).toMatchFileSnapshot(join(PACKAGE, 'test/architecture/exports.txt'));
});

describe.each(doors)('the door $path', (door) => {
  test('holds only named re-exports, each name once', () => {
    const rest = withoutComments(door.text)
      .replace(/^export (?:type )?\{[^}]*\} from '[^']+';$/gm, '')
      .trim();
    expect(rest).toBe('');
    const names = exportsOf(door).map((item) => item.name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});

/** The types of a file that others can import, each with what a user sees of it: its shape, or its signature. */
function declarationsOf(file: SourceFile): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const block of withoutComments(file.text).split(/^(?=\S)/m)) {
    const [, kind = '', name = ''] =
      /^export (?:async )?(const|function\*?|class|interface|type) (\w+)/.exec(block) ?? [];
    if (name === '') continue;
    const seen = kind.startsWith('function')
      ? block.split(/\{\n/, 1)
      : kind === 'const'
        ? block.split(' = ', 1)
        : [block];
    found.set(name, (found.get(name) ?? '') + seen.join(''));
  }
  return found;
}

test('a type that an exported signature names can be imported too, or a user could not export what it returns', () => {
  const main = doors.filter(({ path }) => path !== 'conformance.ts').flatMap(exportsOf);
  const names = new Set(main.map(({ name }) => name));
  const byFile = new Map(sourceFiles().map((file) => [file.path, declarationsOf(file)]));
  const types = new Set(
    [...byFile].flatMap(([path, found]) => (path.startsWith('conformance') ? [] : [...found.keys()])),
  );
  const missing = main.flatMap(({ name, from, original }) => {
    const words =
      byFile
        .get(from)
        ?.get(original)
        ?.match(/\b[A-Z]\w*[a-z]\w*\b/g) ?? [];
    return words.filter((word) => types.has(word) && !names.has(word)).map((word) => `${name} names ${word}`);
  });
  expect([...new Set(missing)]).toEqual([]);
});
