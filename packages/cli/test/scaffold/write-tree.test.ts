import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@micro/core/conformance';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeTree } from '../../src/scaffold/write-tree.ts';

const WRITE_TREE = new URL('../../dist/scaffold/write-tree.js', import.meta.url);
const never = new AbortController().signal;
const TREE = new Map([
  ['package.json', '{}\n'],
  ['src/main.ts', 'one\n'],
]);

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'micro-tree-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test('a tree is written into a new folder, and into an empty one', async () => {
  await mkdir(join(folder, 'empty'));
  for (const name of ['new', 'empty', 'apps/below']) {
    const target = join(folder, name);
    await writeTree(target, TREE, never);
    expect(await readFile(join(target, 'src/main.ts'), 'utf8')).toBe('one\n');
    expect((await readdir(target)).sort()).toEqual(['package.json', 'src']);
  }
  expect((await readdir(folder)).sort()).toEqual(['apps', 'empty', 'new']);
});

test.each([
  ['a folder with a file in it', (at: string) => mkdir(at).then(() => writeFile(join(at, 'mine'), 'mine'))],
  ['a file', (at: string) => writeFile(at, 'mine')],
  ['a link to an empty folder', (at: string) => symlink('.', at)],
  ['a link that leads nowhere', (at: string) => symlink('nowhere', at)],
])('nothing is written over %s', async (_, make) => {
  const target = join(folder, 'taken');
  await make(target);
  await expect(writeTree(target, TREE, never)).rejects.toMatchObject({ code: 409, detail: 'taken already exists' });
  expect(await readdir(folder)).toEqual(['taken']);
});

test('of many that write one folder in the same moment one has its tree there, and nothing of the others is left', async () => {
  const target = join(folder, 'one');
  const trees = ['a', 'b', 'c', 'd', 'e'].map(
    (text) => new Map([...Array(20).keys()].map((at) => [`${at}.txt`, text])),
  );
  const ends = await Promise.allSettled(trees.map((tree) => writeTree(target, tree, never)));
  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const end of ends) if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 409 });
  expect(await readdir(folder)).toEqual(['one']);
  const texts = await Promise.all((await readdir(target)).map((name) => readFile(join(target, name), 'utf8')));
  expect(new Set(texts).size).toBe(1);
  expect(texts).toHaveLength(20);
});

test('a tree that cannot be written leaves nothing, not even the folders above it', async () => {
  const impossible = new Map([...TREE, ['src', 'a file where a folder is']]);
  await expect(writeTree(join(folder, 'apps/below/one'), impossible, never)).rejects.toThrow(/EEXIST|EISDIR/);
  expect(await readdir(folder)).toEqual([]);
});

test('a path that leads out of the tree is not written', async () => {
  for (const path of ['../outside', 'src/../../outside', '/outside']) {
    const tree = new Map([[path, 'x']]);
    await writeTree(join(folder, 'one'), tree, never).catch(() => {});
    expect(await readdir(folder), path).not.toContain('outside');
    await rm(join(folder, 'one'), { recursive: true, force: true });
  }
});

test('Ctrl-C while it is written leaves nothing', async () => {
  const interrupt = new AbortController();
  const tree = new Map(TREE);
  // The signal comes between two files.
  tree[Symbol.iterator] = function* () {
    yield ['package.json', '{}\n'];
    interrupt.abort();
    yield ['src/main.ts', 'one\n'];
    return undefined;
  };
  await expect(writeTree(join(folder, 'one'), tree, interrupt.signal)).rejects.toThrow();
  expect(await readdir(folder)).toEqual([]);
});

test('kill -9 while it is written leaves no folder with half a tree', async () => {
  const target = join(folder, 'one');
  const program = `
    const { writeTree } = await import(${JSON.stringify(WRITE_TREE.href)});
    const files = Array.from({ length: 200_000 }, (_, at) => ['folder-' + (at % 100) + '/' + at + '.txt', 'x'.repeat(1_000)]);
    await writeTree(${JSON.stringify(target)}, new Map(files), new AbortController().signal);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  const ended = once(child, 'exit');
  await eventually(
    async () => {
      const [draft = 'none'] = await readdir(folder);
      expect((await readdir(join(folder, draft))).length).toBeGreaterThan(5);
    },
    { timeoutMs: 20_000 },
  );
  child.kill('SIGKILL');
  expect((await ended)[1]).toBe('SIGKILL');
  expect(await readdir(folder)).toEqual([expect.stringMatching(/^\.one\.[0-9a-f]{12}$/)]);
  // Whoever tries again has the folder.
  await writeTree(target, TREE, never);
  expect((await readdir(target)).sort()).toEqual(['package.json', 'src']);
});
