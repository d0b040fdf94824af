import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateProto } from '../../src/proto/generate-proto.ts';
import { makeProject } from '../../src/scaffold/make-project.ts';
import { FEATURES, type FeatureName, type Project } from '../../src/scaffold/project.ts';
import { renderProject } from '../../src/scaffold/render-project.ts';
import { writeTree } from '../../src/scaffold/write-tree.ts';
import { makeWorkspace, type Workspace } from './workspace.ts';

/** What a project is made of. */
interface Choice {
  readonly kind?: Project['kind'];
  readonly proto?: false;
  readonly features?: readonly FeatureName[];
}

/** Every template, with every feature alone and with all of them. */
const CHOICES: Readonly<Record<string, Choice>> = {
  plain: {},
  'no-proto': { proto: false },
  ...Object.fromEntries(FEATURES.map((feature) => [feature, { features: [feature] }])),
  ...Object.fromEntries(
    FEATURES.map((feature) => [`no-proto-${feature}`, { proto: false as const, features: [feature] }]),
  ),
  complete: { features: FEATURES },
  'no-proto-complete': { proto: false, features: FEATURES },
  client: { kind: 'client' },
  'no-proto-client': { kind: 'client', proto: false },
};

/** A name that is in the way wherever a name can be. */
const ODD_NAME = '@acme/3d.promise_type';

const never = new AbortController().signal;
let workspace: Workspace;
/** Folders of the projects, from that of the workspace. */
let projects: readonly string[];

beforeAll(async () => {
  workspace = await makeWorkspace();
  const { folder } = workspace;
  projects = await Promise.all([
    ...Object.entries(CHOICES).map(([group, choice]) => write(`${group}/helloworld`, choice)),
    write(`odd/${ODD_NAME}`, {}),
  ]);
  // All that are called alike have the same generated code.
  for (const project of ['plain/helloworld', 'odd/3d.promise_type', 'client/helloworld-client']) {
    await generateProto({ folder: join(folder, project), env: process.env, signal: never });
  }
  for (const group of [...FEATURES, 'complete']) {
    await cp(join(folder, 'plain/helloworld/src/gen'), join(folder, group, 'helloworld/src/gen'), { recursive: true });
  }
});

afterAll(() => workspace?.remove());

async function write(name: string, choice: Choice): Promise<string> {
  const project = await makeProject({
    name,
    ...choice,
    protoFile: undefined,
    namespace: 'shop',
    postgresAddress: 'postgres.database.svc',
    packageManager: 'npm',
    cwd: workspace.folder,
  });
  await writeTree(join(workspace.folder, project.names.folder), renderProject(project), never);
  return project.names.folder;
}

test('every project type-checks as its tsconfig.json says', async () => {
  const { folder } = workspace;
  const include = projects.flatMap((project) => [`${project}/src`, `${project}/test`]);
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: './plain/helloworld/tsconfig.json', include }),
  );
  const listed = await workspace.run('.', 'tsc', ['-p', '.', '--listFilesOnly']);
  for (const project of projects) expect(listed).toContain(`/${project}/src/`);
  expect(await workspace.run('.', 'tsc', ['-p', '.'])).toBe('');
});

test('a linter and a formatter have nothing to say about any project', async () => {
  const config = {
    root: true,
    files: { includes: ['**/*.ts', '!**/gen', '!**/node_modules', '!**/dist'] },
    formatter: { indentStyle: 'space', lineWidth: 120 },
    javascript: { formatter: { quoteStyle: 'single' } },
  };
  await writeFile(join(workspace.folder, 'biome.json'), JSON.stringify(config));
  await workspace.run('.', 'biome', ['check', '--error-on-warnings', '--max-diagnostics=50', ...projects]);
});

test.each([
  'plain/helloworld',
  'no-proto/helloworld',
  'complete/helloworld',
  'client/helloworld-client',
  'no-proto-client/helloworld-client',
  'odd/3d.promise_type',
])('the tests of %s pass', { timeout: 320_000 }, async (project) => {
  const told = await workspace.run(project, 'npm', ['test', '--silent']);
  // Node 24 says it as it does on a terminal.
  expect(told).toMatch(/^(?:#|ℹ) pass [1-9]/m);
  expect(told).toMatch(/^(?:#|ℹ) fail 0$/m);
});

test.each(['complete/helloworld', 'no-proto/helloworld', 'client/helloworld-client'])(
  '%s is built into a program that says what flags it takes',
  async (project) => {
    await workspace.run(project, 'npm', ['run', 'build', '--silent']);
    expect(await workspace.run(project, process.execPath, ['dist/main.js', '--help'])).toContain('--registry');
  },
);

test('a new service is described as go-micro describes it', async () => {
  // Both compile one file, so the names in it are those that go-micro gives.
  const tree = renderProject(await describedAs('helloworld'));
  const proto = tree.get('proto/helloworld.proto') ?? '';
  expect(proto).toContain('package helloworld;');
  expect(proto).toContain('option go_package = "./proto;helloworld";');
  expect([...proto.matchAll(/rpc (\w+)\((.*?)\) returns \((.*?)\)/g)].map(([, ...parts]) => parts.join(' '))).toEqual([
    'Call CallRequest CallResponse',
    'ClientStream stream ClientStreamRequest ClientStreamResponse',
    'ServerStream ServerStreamRequest stream ServerStreamResponse',
    'BidiStream stream BidiStreamRequest stream BidiStreamResponse',
  ]);
});

test('the same project is the same tree, whatever the order in which its features were named', async () => {
  const one = renderProject(await describedAs('helloworld', ['otel', 'postgres', 'health']));
  const other = renderProject(await describedAs('helloworld', ['health', 'otel', 'postgres']));
  expect([...other]).toEqual([...one]);
});

test('no text of a project has a placeholder left, ends without a new line, or has blanks at an end of line', async () => {
  const odd = renderProject(await describedAs(ODD_NAME, FEATURES));
  for (const [path, text] of odd) {
    expect(text, path).not.toMatch(/\{\{\w+\}\}|[ \t]$/m);
    expect(text, path).toMatch(/[^\n]\n$/);
  }
});

function describedAs(name: string, features: readonly FeatureName[] = []): Promise<Project> {
  return makeProject({
    name,
    features,
    protoFile: undefined,
    namespace: 'shop',
    postgresAddress: 'postgres.database.svc',
    packageManager: 'npm',
    cwd: '/',
  });
}
