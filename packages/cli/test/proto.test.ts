import { appendFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { namesOf } from '../src/scaffold/names.ts';
import { renderProject } from '../src/scaffold/render-project.ts';
import { writeTree } from '../src/scaffold/write-tree.ts';
import { makeWorkspace, type Workspace } from './scaffold/workspace.ts';
import { runMicro } from './support.ts';

const GENERATED = 'src/gen/helloworld_pb.ts';
let workspace: Workspace;
let project: string;

beforeAll(async () => {
  workspace = await makeWorkspace();
  project = join(workspace.folder, 'my services', 'helloworld');
  const tree = renderProject({
    kind: 'service',
    names: namesOf('helloworld'),
    proto: true,
    features: new Set(),
    namespace: 'default',
    postgresAddress: 'postgres',
    packageManager: 'npm',
  });
  await writeTree(project, tree, new AbortController().signal);
});

afterAll(() => workspace?.remove());

const proto = (cwd: string, ...args: string[]) => runMicro(['proto', ...args], { cwd });
const generated = () => readFile(join(project, GENERATED), 'utf8');

test('code is generated from any folder of the project, and a check tells whether it is what the .proto says', async () => {
  const missing = await proto(project, '--check');
  expect({ code: missing.code, stdout: missing.stdout }).toEqual({ code: 1, stdout: `${GENERATED}\n` });

  const { code, stdout, stderr } = await proto(join(project, 'test'));
  expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: '' });
  expect(await generated()).toContain('export const Helloworld: GenService<');
  expect(await proto(project, '--check')).toMatchObject({ code: 0, stdout: '' });

  await appendFile(join(project, 'proto/helloworld.proto'), 'enum Color { RED = 0; BLUE = 1; }\n');
  await writeFile(join(project, 'src/gen/old_pb.ts'), 'export {};\n');
  const stale = await proto(project, '--check', '-o', 'json');
  expect({ code: stale.code, files: JSON.parse(stale.stdout) }).toEqual({
    code: 1,
    files: [GENERATED, 'src/gen/old_pb.ts'],
  });

  expect(await proto(join(project, 'src'))).toMatchObject({ code: 0 });
  // Node can run it as it is: no syntax of it is more than types.
  expect(await generated()).toMatch(/export const Color = \{/);
  expect(await generated()).not.toMatch(/\benum \w+ \{/);
  expect(await proto(project, '--check')).toMatchObject({ code: 0 });
});

test('a mistake in a .proto is told with its place, and the code stays as it was', async () => {
  const before = await generated();
  const broken = join(project, 'proto/broken.proto');
  await writeFile(broken, 'syntax = "proto3";\nmessage {\n');
  const { code, stdout, stderr } = await proto(project);
  await rm(broken);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  // A line for each, as buf says it.
  expect(stderr).toMatch(
    /^error: buf generate exited with code 100 in .*:\n {2}proto\/broken.proto:2:1:.*\n {2}proto\/broken.proto:2:9:/,
  );
  expect(await generated()).toBe(before);
});

test('a folder without anything to generate is told so', async () => {
  const { code, stderr } = await proto(workspace.folder);
  expect(code).toBe(1);
  expect(stderr).toContain('there is no buf.gen.yaml in');
});

test('what is not installed is named with the line that installs it', async () => {
  const other = await makeWorkspace();
  try {
    await rm(join(other.folder, 'node_modules/@bufbuild/buf'));
    const bare = join(other.folder, 'bare');
    await mkdir(bare);
    await symlink(join(project, 'proto'), join(bare, 'proto'));
    await writeFile(join(bare, 'buf.gen.yaml'), await readFile(join(project, 'buf.gen.yaml')));
    const first = await runMicro(['proto'], { cwd: bare, env: { npm_config_user_agent: undefined } });
    expect(first.code, first.stderr).toBe(78);
    expect(first.stderr).toContain(`@bufbuild/buf is not installed in ${bare}: run npm install -D @bufbuild/buf`);

    await rm(join(other.folder, 'node_modules/@bufbuild/protoc-gen-es'));
    await writeFile(join(bare, 'pnpm-lock.yaml'), '');
    const second = await runMicro(['proto'], { cwd: bare, env: { npm_config_user_agent: undefined } });
    expect(second.stderr).toContain('run pnpm add -D @bufbuild/buf @bufbuild/protoc-gen-es');
  } finally {
    await other.remove();
  }
});
