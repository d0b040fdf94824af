import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DOORS } from './floors.ts';
import { exportsOf, PACKAGE, sourceFiles, withoutComments } from './source.ts';

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
