import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ROOT } from '../../../.ci/workspaces.mjs';
import { mustRun, type Outcome, run } from '../src/run.ts';

/*
 * The rule that a change users can see carries a changeset, in small repositories of its own: a published package, and a
 * private one.
 */
const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

test('before the first release nothing is asked for', async () => {
  const repository = await createRepository();
  await repository.commit({ 'packages/a/src/index.ts': 'changed' });
  expect(await repository.check()).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('not released yet: @x/a'),
  });
});

test.each([
  ['its source', { 'packages/a/src/deep/new.ts': 'new' }, 'packages/a/src/deep/new.ts'],
  ['its README', { 'packages/a/README.md': 'changed' }, 'packages/a/README.md'],
  ['a folder that it ships', { 'packages/a/templates/x.txt': 'changed' }, 'packages/a/templates/x.txt'],
  [
    'a field of its package.json',
    { 'packages/a/package.json': manifest({ engines: { node: '>=99' } }) },
    'package.json',
  ],
])('a package that differs from its last release in %s needs a changeset that names it', async (_, files, named) => {
  const repository = await createRepository();
  await repository.tag('@x/a@1.0.0');
  expect(await repository.check()).toMatchObject({ code: 0 });

  await repository.commit(files);
  const refused = await repository.check();
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('@x/a has changed since @x/a@1.0.0') });
  expect(refused.stderr).toContain(named);

  await repository.commit({ '.changeset/other.md': "---\n'@x/private': patch\n---\n\nOf another.\n" });
  expect(await repository.check()).toMatchObject({ code: 1 });
  await repository.commit({ '.changeset/none.md': "---\n'@x/a': none\n---\n\nNothing to see.\n" });
  expect(await repository.check()).toMatchObject({ code: 1 });
  await repository.commit({ '.changeset/its.md': "---\n'@x/a': patch\n---\n\nRepaired.\n" });
  expect(await repository.check()).toMatchObject({ code: 0 });
});

test('tests, scripts, development dependencies and private packages may change in silence', async () => {
  const repository = await createRepository();
  await repository.tag('@x/a@1.0.0');
  await repository.commit({
    'packages/a/test/index.test.ts': 'changed',
    'packages/a/package.json': manifest({ scripts: { test: 'other' }, devDependencies: { vitest: '1.0.0' } }),
    'packages/private/src/index.ts': 'changed',
    'docs/page.md': 'changed',
  });
  expect(await repository.check()).toMatchObject({ code: 0 });
});

test('what comes after a version that is not tagged yet needs a changeset again, and so does what came with it', async () => {
  const repository = await createRepository();
  await repository.tag('@x/a@1.0.0');
  await repository.commit({
    'packages/a/src/index.ts': '2',
    '.changeset/its.md': "---\n'@x/a': minor\n---\n\nMore.\n",
  });
  const consumed = join(repository.folder, '.changeset', 'its.md');
  await rm(consumed);
  const versioned = {
    'packages/a/package.json': manifest({ version: '1.1.0' }),
    'packages/a/CHANGELOG.md': '# @x/a\n\n## 1.1.0\n\n### Minor Changes\n\n- More.\n',
  };
  await repository.commit(versioned);
  expect(await repository.check()).toMatchObject({ code: 0 });
  const released = await repository.git('rev-parse', 'HEAD');

  await repository.commit({ 'packages/a/src/index.ts': '3' });
  expect(await repository.check()).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('packages/a/src/index.ts'),
  });

  await repository.git('reset', '--quiet', '--hard', `${released.trim()}^`);
  await rm(consumed);
  await repository.commit({ ...versioned, 'packages/a/src/index.ts': '3' });
  expect(await repository.check()).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('packages/a/src/index.ts'),
  });
});

test('a version that somebody wrote by hand is refused', async () => {
  const repository = await createRepository();
  await repository.tag('@x/a@1.0.0');
  await repository.commit({
    'packages/a/package.json': manifest({ version: '1.1.0' }),
    'packages/a/src/index.ts': '2',
  });
  expect(await repository.check()).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('version 1.1.0, which its changelog does not know'),
  });
});

test('a pull request needs a changeset of its own, whatever others wait', async () => {
  const repository = await createRepository();
  await repository.tag('@x/a@1.0.0');
  await repository.commit({
    'packages/a/src/index.ts': '2',
    '.changeset/first.md': "---\n'@x/a': patch\n---\n\nOne.\n",
  });
  await repository.git('switch', '--quiet', '--create', 'proposal');
  await repository.commit({ 'packages/a/src/index.ts': '3' });
  expect(await repository.check()).toMatchObject({ code: 0 });
  expect(await repository.check('--since', 'main')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('since main'),
  });
  await repository.commit({ '.changeset/second.md': "---\n'@x/a': patch\n---\n\nTwo.\n" });
  expect(await repository.check('--since', 'main')).toMatchObject({ code: 0 });
});

test('a clone without the tags of what was released fails instead of finding nothing to compare with', async () => {
  const repository = await createRepository();
  await repository.tag('@x/a@1.0.0');
  await repository.commit({ 'packages/a/src/index.ts': '2' });
  const untagged = await repository.clone('--no-tags');
  expect(await untagged.check()).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('@x/a@1.0.0 was released and its tag is not here'),
  });
  const shallow = await repository.clone('--depth=1');
  expect(await shallow.check()).toMatchObject({ code: 1 });
  await shallow.git('remote', 'set-url', 'origin', join(shallow.folder, 'nowhere'));
  expect(await shallow.check()).toMatchObject({ code: 1, stderr: expect.stringContaining('origin does not answer') });
});

interface Repository {
  readonly folder: string;
  /** Writes files and commits everything. */
  commit(files: Readonly<Record<string, string>>): Promise<void>;
  tag(name: string): Promise<void>;
  git(...args: readonly string[]): Promise<string>;
  clone(...args: readonly string[]): Promise<Repository>;
  /** Runs the rule. */
  check(...args: readonly string[]): Promise<Outcome>;
}

async function createRepository(): Promise<Repository> {
  const repository = at(await newFolder());
  await repository.git('init', '--quiet', '--initial-branch=main');
  await cp(join(ROOT, '.ci'), join(repository.folder, '.ci'), {
    recursive: true,
    filter: (path) => !path.includes('node_modules'),
  });
  await linkModules(repository.folder);
  await repository.commit({
    '.gitignore': 'node_modules\n',
    '.changeset/README.md': '# Changesets\n',
    'packages/a/package.json': manifest({}),
    'packages/a/README.md': '# a\n',
    'packages/a/src/index.ts': '1',
    'packages/private/package.json': '{ "name": "@x/private", "version": "0.0.0", "private": true }',
    'packages/private/src/index.ts': '1',
  });
  return repository;
}

function at(folder: string): Repository {
  const who = {
    GIT_AUTHOR_NAME: 'A',
    GIT_AUTHOR_EMAIL: 'a@localhost',
    GIT_COMMITTER_NAME: 'A',
    GIT_COMMITTER_EMAIL: 'a@localhost',
  };
  const env = { PATH: process.env.PATH ?? '', HOME: folder, GIT_CONFIG_GLOBAL: '/dev/null', ...who };
  const git = (...args: readonly string[]): Promise<string> => mustRun('git', args, { cwd: folder, env });
  return {
    folder,
    git,
    async commit(files) {
      for (const [path, text] of Object.entries(files)) {
        const file = join(folder, path);
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, text);
      }
      await git('add', '--all');
      await git('commit', '--quiet', '--message', 'Change');
    },
    async tag(name) {
      await git('tag', name);
    },
    async clone(...args) {
      const target = join(await newFolder(), 'clone');
      await git('clone', '--quiet', ...args, `file://${folder}`, target);
      await linkModules(target);
      return at(target);
    },
    check: (...args) => run(process.execPath, ['.ci/changeset-rule.mjs', ...args], { cwd: folder, env }),
  };
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'micro-changeset-'));
  folders.push(folder);
  return folder;
}

function linkModules(folder: string): Promise<void> {
  return symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
}

/** The package.json of the published package, with some fields different. */
function manifest(fields: Readonly<Record<string, unknown>>): string {
  const usual = { name: '@x/a', version: '1.0.0', files: ['dist', 'templates'], scripts: { test: 'vitest run' } };
  return JSON.stringify({ ...usual, ...fields });
}
