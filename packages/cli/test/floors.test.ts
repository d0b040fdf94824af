import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** From the ground up. A folder imports from itself and from lower floors; folders of one floor are strangers. */
const FLOORS: readonly (readonly string[])[] = [
  ['console'],
  ['project', 'input'],
  ['proto', 'session', 'completion'],
  ['view', 'doctor', 'dev', 'scaffold'],
  ['generate'],
  ['command'],
  ['program'],
];

const SOURCE = join(import.meta.dirname, '..', 'src');

test('every folder imports from lower floors and from itself', () => {
  const floorOf = new Map(FLOORS.flatMap((folders, floor) => folders.map((folder) => [folder, floor] as const)));
  const folders = readdirSync(SOURCE, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).sort()).toEqual([...floorOf.keys()].sort());
  const climbing = folders.flatMap(({ name: folder }) =>
    readdirSync(join(SOURCE, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => importedFolders(readFileSync(join(SOURCE, folder, file), 'utf8'), folder, file)),
  );
  expect(climbing).toEqual([]);

  function importedFolders(text: string, folder: string, file: string): readonly string[] {
    return [...text.matchAll(/(?:from|import\() ?'(?:\.\.\/)+([a-z]+)\//g)].flatMap(([, imported = '']) => {
      const below = (floorOf.get(imported) ?? -1) < (floorOf.get(folder) ?? -1);
      const inside = imported === folder || !floorOf.has(imported);
      return below || inside ? [] : [`${folder}/${file} imports ${imported}`];
    });
  }
});
