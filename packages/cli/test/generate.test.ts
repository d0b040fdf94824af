import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { micro } from '../src/index.ts';
import { FEATURES } from '../src/scaffold/project.ts';
import { serviceOf, writeInto } from './scaffold/service-of.ts';

let root: string;
let folders = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'micro-generate-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** A new service without any feature, in a folder of its own. */
async function freshService(proto = false): Promise<string> {
  const folder = join(root, `service-${folders++}`);
  await writeInto(folder, await serviceOf({ proto }));
  return folder;
}

/** What `micro generate` did in a folder; `done` has the paths by what was done to them. */
async function generate(cwd: string, ...args: readonly string[]) {
  const texts = { stdout: '', stderr: '' };
  const into = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk, _, done) {
        texts[name] += chunk;
        done();
      },
    });
  const stdin = process.stdin;
  const code = await micro(['generate', ...args], {
    ...{ cwd, stdin, stdout: into('stdout'), stderr: into('stderr'), env: {} },
  });
  const done: Record<string, string[]> = {};
  for (const line of texts.stdout.split('\n')) {
    const [, action, path] = /^(\w+) +(\S+)/.exec(line) ?? [];
    if (action !== undefined && path !== undefined) done[action] = [...(done[action] ?? []), path];
  }
  return { ...texts, code, done };
}

/** All files of a folder, by their paths. */
async function filesOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = files.map(async (file) => [file.slice(folder.length + 1), await readFile(file, 'utf8')] as const);
  return Object.fromEntries(await Promise.all(texts));
}

describe.each([{ proto: true }, { proto: false }])('with a .proto: $proto', ({ proto }) => {
  test.each(FEATURES)('a service that is given %s is the one that is made with it', async (feature) => {
    const folder = await freshService(proto);
    expect(await generate(folder, feature)).toMatchObject({ code: 0 });
    expect(await filesOf(folder)).toEqual(Object.fromEntries(await serviceOf({ proto, features: [feature] })));
  });
});

test('a service that is given one feature after the other is the one that is made with all of them', async () => {
  const folder = await freshService();
  for (const feature of FEATURES.filter((one) => one !== 'kubernetes').reverse()) await generate(folder, feature);
  const files = Object.entries(await filesOf(folder));
  // Those of the manifests that Kustomize's have taken the place of are left where they were.
  const used = files.filter(([path]) => !path.startsWith('deploy/kubernetes/'));
  const { 'package.json': made, ...rest } = Object.fromEntries(await serviceOf({ features: FEATURES }));
  const { 'package.json': manifest, ...others } = Object.fromEntries(used);
  expect(others).toEqual(rest);
  // Scripts stand in the order in which they came.
  expect(JSON.parse(manifest ?? '')).toEqual(JSON.parse(made ?? ''));
});

test('what is generated a second time is as it was', async () => {
  const folder = await freshService();
  await generate(folder, 'kustomize', 'postgres', '--namespace', 'shop', '--postgres-address', 'db.shop.svc:5433');
  const files = await filesOf(folder);
  expect(files['deploy/kustomize/base/service.env']).toContain('PGHOST=db.shop.svc\nPGPORT=5433\n');
  const { done, stderr } = await generate(folder, 'kustomize', 'postgres');
  expect(Object.keys(done)).toEqual(['skip']);
  expect(stderr).toBe('');
  expect(await filesOf(folder)).toEqual(files);
});

test('what is added later fits what is there: the namespace of its manifests, the image that migrates', async () => {
  const folder = await freshService();
  await generate(folder, 'kubernetes', '--namespace', 'shop');
  const { done } = await generate(folder, 'postgres', 'skaffold');
  expect(done.update).toEqual(expect.arrayContaining(['Dockerfile', 'deploy/kubernetes/deployment.yaml']));
  const expected = await serviceOf({ features: ['postgres', 'skaffold'], namespace: 'shop' });
  expect(await filesOf(folder)).toEqual(Object.fromEntries(expected));
});

test('an edited file is kept and named, unless force is used, which spares what belongs to all', async () => {
  const folder = await freshService();
  await generate(folder, 'docker', 'otel');
  const edited = ['Dockerfile', 'src/tracing.ts', 'src/main.ts', 'README.md'];
  for (const path of edited) await writeFile(join(folder, path), 'mine\n');
  const files = await filesOf(folder);

  const first = await generate(folder, 'docker', 'otel');
  expect(first.done.keep).toEqual(['Dockerfile', 'src/main.ts', 'src/tracing.ts']);
  expect(first.stderr).toContain('edited, and kept; --force overwrites: Dockerfile, src/tracing.ts\n');
  expect(await filesOf(folder)).toEqual(files);

  const forced = await generate(folder, 'docker', 'otel', '--force');
  expect(forced.done.replace).toEqual(['Dockerfile', 'src/tracing.ts']);
  const made = Object.fromEntries(await serviceOf({ features: ['docker', 'otel'] }));
  expect(await filesOf(folder)).toEqual({ ...made, 'src/main.ts': 'mine\n', 'README.md': 'mine\n' });
});

test('what an edited src/main.ts lacks is said, until it has it', async () => {
  const folder = await freshService();
  const main = join(folder, 'src/main.ts');
  await writeFile(main, `${await readFile(main, 'utf8')}// mine\n`);
  const { stderr } = await generate(folder, 'postgres', 'health');
  expect(stderr).toContain(
    [
      'to be added to src/main.ts by hand:',
      '',
      "  import { answers, postgresPool } from './store/postgres.ts';",
      '  const database = postgresPool();',
      '  const databaseAnswers = () => answers(database);',
      '  options: server: { registerCheck: databaseAnswers }',
      '  options: hooks: { afterStop: [() => database.end()] }',
      "  import { ready } from './health.ts';",
      '  options: server: { registerCheck: ready }',
      '',
    ].join('\n'),
  );
  const whole = (await serviceOf({ features: ['postgres', 'health'] })).get('src/main.ts');
  await writeFile(main, `${whole}// mine\n`);
  expect((await generate(folder, 'postgres', 'health')).done.skip).toContain('src/main.ts');
});

test('package.json gets what it lacks, and what it has stays as it was written', async () => {
  const folder = await freshService();
  const mine = {
    name: 'helloworld',
    scripts: { docker: 'podman build .' },
    private: true,
    dependencies: { pg: '8.0.0', '@micro/core': '*' },
  };
  const path = join(folder, 'package.json');
  await writeFile(path, JSON.stringify(mine, undefined, '\t'));
  const { stderr } = await generate(folder, 'docker', 'postgres');
  const after = await readFile(path, 'utf8');
  expect(after).toMatch(/^\{\n\t"name"/);
  expect(after).not.toMatch(/\n$/);
  expect(JSON.parse(after)).toMatchObject({
    scripts: { docker: 'podman build .', migrate: 'node-pg-migrate up' },
    dependencies: { pg: '8.0.0', 'node-pg-migrate': expect.stringMatching(/^\^9/) },
  });
  expect(Object.keys(JSON.parse(after))).toEqual(['name', 'scripts', 'private', 'dependencies', 'devDependencies']);
  expect(stderr).toContain('added to package.json:\n\n  scripts.migrate\n  dependencies.node-pg-migrate\n');
  expect(stderr).toContain('next step:\n\nnpm install\n');
});

test('a dry run says what would be done, as JSON too, and writes nothing', async () => {
  const folder = await freshService();
  const files = await filesOf(folder);
  const { stdout, stderr } = await generate(folder, 'jaeger', '--dry-run', '-o', 'json');
  expect(JSON.parse(stdout)).toEqual([
    { action: 'update', path: '.env.example' },
    { action: 'update', path: 'README.md' },
    { action: 'update', path: 'package.json', adds: expect.arrayContaining(['dependencies.@opentelemetry/api']) },
    { action: 'update', path: 'src/main.ts' },
    { action: 'create', path: 'src/tracing.ts' },
    { action: 'create', path: 'test/tracing.test.ts' },
  ]);
  expect(stderr).toContain('would be added to package.json');
  expect(await filesOf(folder)).toEqual(files);
});

test('the service is found from a folder inside of it', async () => {
  const folder = await freshService();
  await generate(join(folder, 'src'), 'tilt');
  expect(await readdir(folder)).toContain('Tiltfile');
  expect(await readdir(join(folder, 'src'))).not.toContain('Tiltfile');
});

test('nothing is written where a link leads out of the project', async () => {
  const folder = await freshService();
  const outside = join(root, `outside-${folders++}`);
  await mkdir(outside);
  await symlink(outside, join(folder, 'deploy'));
  const { code, stderr } = await generate(folder, 'kubernetes');
  expect(code).toBe(1);
  expect(stderr).toContain('deploy/kubernetes/configmap.yaml leads out of');
  expect(await readdir(outside)).toEqual([]);
  expect(await readdir(folder)).not.toContain('Dockerfile');
});

test('a feature that there is not, and a folder without a service, are usage errors', async () => {
  const folder = await freshService();
  expect(await generate(folder, 'dokcer')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('there is no feature "dokcer": did you mean docker?'),
  });
  expect(await generate(folder)).toMatchObject({ code: 2 });
  expect(await generate(folder, 'kubernetes', '--namespace', 'No Such')).toMatchObject({ code: 2 });
  await writeFile(join(folder, 'package.json'), '{ "name": "web" }');
  expect(await generate(folder, 'docker')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('"web" is no service: its package.json does not depend on @micro/core'),
  });
});

describe('a package.json', () => {
  test('that is no JSON is told of, and that of the folder above gets nothing', async () => {
    const folder = await freshService();
    const inner = join(folder, 'inner');
    await mkdir(inner);
    await writeFile(join(inner, 'package.json'), '{ "name": "inner",');
    const before = await filesOf(folder);
    const { code, stderr } = await generate(inner, 'docker');
    expect({ code, stderr }).toEqual({
      code: 78,
      stderr: expect.stringContaining('inner/package.json cannot be read'),
    });
    expect(await filesOf(folder)).toEqual(before);
  });

  test.each([null, 'x', []])('whose tables are %j gets them as if they were not there', async (table) => {
    const folder = await freshService();
    const file = join(folder, 'package.json');
    const manifest = { name: 'x', dependencies: { '@micro/core': '1' }, scripts: table, devDependencies: table };
    await writeFile(file, `\uFEFF${JSON.stringify(manifest)}`);
    expect(await generate(folder, 'docker', 'postgres')).toMatchObject({ code: 0 });
    const { scripts, devDependencies } = JSON.parse(await readFile(file, 'utf8'));
    expect(Object.keys(scripts)).toEqual(['docker', 'migrate']);
    expect(Object.keys(devDependencies)).toEqual(['@electric-sql/pglite', '@types/pg']);
  });
});
