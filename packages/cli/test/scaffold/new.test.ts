import { once } from 'node:events';
import { access, mkdir, mkdtemp, readdir, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { eventually } from '@micro/core/conformance';
import { KEY } from '@micro/test-servers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { micro } from '../../src/index.ts';
import { microOnPty } from '../pty.ts';
import { runMicro } from '../support.ts';

let folder: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'micro-new-')));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const run = (...args: string[]) => runMicro(args, { cwd: folder, env: { npm_config_user_agent: undefined } });
const isThere = (path: string) =>
  access(join(folder, path)).then(
    () => true,
    () => false,
  );
const text = (path: string) => readFile(join(folder, path), 'utf8');

test('a service is created, its tree and the next steps are told on stderr, and nothing on stdout', async () => {
  const { code, stdout, stderr } = await run('new', 'helloworld', '--no-install');
  expect(code, stderr).toBe(0);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^creating service helloworld\n/);
  expect(stderr).toContain('  helloworld/\n  ├── proto/\n  │   └── helloworld.proto\n  ├── src/\n');
  expect(stderr).toContain(
    [
      'next steps:',
      '',
      'cd helloworld',
      'npm install',
      'npm run proto',
      'npm run dev',
      `npx micro call helloworld Helloworld.Call '{"name": "John"}'`,
    ].join('\n'),
  );
  expect(await readdir(folder)).toEqual(['helloworld']);
  expect(await isThere('helloworld/.git')).toBe(true);
});

test('what is asked for on the command line is in the project', async () => {
  const { code, stderr } = await run(
    ...['new', 'service', '@acme/apps-3d', '--no-proto', '--docker', '--jaeger', '--kubernetes', '--namespace', 'shop'],
    ...['--postgres', '--postgresaddress', 'db.example:6432', '--pm', 'pnpm', '--no-install', '--no-git'],
  );
  expect(code, stderr).toBe(0);
  const manifest = JSON.parse(await text('apps-3d/package.json'));
  expect(manifest).toMatchObject({ name: '@acme/apps-3d', private: true, type: 'module' });
  expect(manifest.dependencies).toMatchObject({ '@micro/core': '^1.0.0', pg: expect.any(String) });
  expect(manifest.devDependencies).not.toHaveProperty('@bufbuild/buf');
  expect(await isThere('apps-3d/Dockerfile')).toBe(true);
  expect(await isThere('apps-3d/.git')).toBe(false);
  expect(stderr).toContain('pnpm install\npnpm dev\npnpm micro call apps-3d Apps3d.Call \'{"name": "John"}\'');
});

test('what deploys brings what it deploys', async () => {
  const { stdout } = await run('new', 'helloworld', '--tilt', '--dry-run', '-o', 'json');
  const { files } = JSON.parse(stdout);
  expect(files).toEqual(expect.arrayContaining(['Tiltfile', 'Dockerfile', 'deploy/kubernetes/deployment.yaml']));
});

test('a dry run prints the tree on stdout and writes nothing', async () => {
  const { code, stdout, stderr } = await run('new', 'helloworld', '--complete', '--dry-run');
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^helloworld\/\n├── /);
  expect(stderr).toBe('');
  expect(await readdir(folder)).toEqual([]);
});

test('a project that is there already is left as it is', async () => {
  await mkdir(join(folder, 'helloworld'));
  await writeFile(join(folder, 'helloworld/package.json'), 'mine');
  const { code, stdout, stderr } = await run('new', 'helloworld', '--no-install');
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('helloworld already exists');
  expect(stderr).not.toContain('creating');
  expect(await text('helloworld/package.json')).toBe('mine');
});

test.each([
  [['new'], 'a name is missing'],
  [['new', '--yes'], 'a name is missing'],
  [['new', 'service'], 'a name is missing'],
  [['new', 'plugin'], 'a name is missing'],
  [['new', '../helloworld'], 'outside of the folder'],
  [['new', 'HelloWorld'], 'such as hello-world'],
  [['new', 'one', 'two'], 'too many arguments'],
  [['new', 'helloworld', '--dokcer'], 'unknown option'],
  [['new', 'helloworld', '--pm', 'make'], 'Allowed choices are npm, pnpm, yarn, bun'],
  [['new', 'helloworld', '--namespace', 'No Namespace'], 'small letters'],
  [['new', 'helloworld', '--postgres-address', "'; DROP"], 'a name or an IPv4 address'],
  [['new', 'client', 'helloworld', '--proto', 'nowhere.proto'], 'cannot be read'],
  [['new', 'client', 'helloworld', '--docker'], 'unknown option'],
  [['new', 'plugin', 'consul', '--yes'], '--kind registry|store|cache|broker|transport|auth'],
  [['new', 'plugin', 'consul', '--kind', 'logger'], 'Allowed choices'],
  [['new', 'plugin', 'store-consul', '--kind', 'registry'], 'is called like a store'],
])('micro %j makes no sense and writes nothing', async (args, why) => {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  expect(await micro(args, { stdin, stdout, stderr, env: {}, cwd: folder })).toBe(2);
  expect(stdout.read()).toBe(null);
  expect(String(stderr.read())).toContain(why);
  expect(await readdir(folder)).toEqual([]);
});

test('the way into a folder is written so that no shell reads anything else in it', async () => {
  const { stderr } = await run('new', `it's $(touch pwned)/helloworld`, '--no-install', '--no-git');
  expect(stderr).toContain(`\ncd 'it'\\''s $(touch pwned)/helloworld'\n`);
});

test('what a package manager says when it fails is told line by line', async () => {
  await writeFile(
    join(folder, 'npm'),
    '#!/bin/sh\nfor line in 1 2 3; do echo "npm error line $line of what is wrong, $(printf %0100d 0)"; done; exit 7\n',
    { mode: 0o755 },
  );
  const { code, stderr } = await runMicro(['new', 'x', '--pm', 'npm'], {
    cwd: folder,
    env: { PATH: `${folder}:/usr/bin:/bin` },
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /error: npm install exited with code 7 in .*:\n {2}npm error line 1 .*\n {2}npm error line 2 .*\n {2}npm error line 3 /,
  );
});

test('a project whose installation fails stays, and says how to go on', async () => {
  // No program is found, npm neither.
  const { code, stderr } = await runMicro(['new', 'helloworld'], { cwd: folder, env: { PATH: '/nowhere' } });
  expect(code).toBe(1);
  expect(stderr).toContain('the files are written; to go on:\n\ncd helloworld\nnpm install\nnpm run proto\n');
  expect(stderr).toContain('npm');
  expect(await isThere('helloworld/src/main.ts')).toBe(true);
});

test('Ctrl-C while it is installed ends the package manager too, keeps the project, and says how to go on', async () => {
  // A registry that takes every question and answers none.
  const sockets = new Set<Socket>();
  const registry = createServer((socket) => void sockets.add(socket)).listen(0, '127.0.0.1');
  await once(registry, 'listening');
  const { port } = registry.address() as AddressInfo;
  try {
    const pty = microOnPty(['new', 'helloworld', '--yes', '--pm', 'npm'], {
      cwd: folder,
      env: { npm_config_registry: `http://127.0.0.1:${port}/`, npm_config_cache: join(folder, '.cache') },
    });
    await pty.shows('installing with npm');
    await eventually(() => expect(sockets.size).toBeGreaterThan(0), { timeoutMs: 60_000 });
    pty.type(KEY.interrupt);
    const { code, shown } = await pty.ended();
    expect(code, shown).toBe(130);
    expect(shown).toContain('the files are written; to go on:\n\ncd helloworld\nnpm install\nnpm run proto\n');
    expect(await isThere('helloworld/src/main.ts')).toBe(true);
    await eventually(async () => expect(await processesIn(join(folder, 'helloworld'))).toEqual([]), {
      timeoutMs: 60_000,
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    registry.close();
  }
});

/** The processes whose folder it is. */
async function processesIn(place: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (/^\d+$/.test(pid) && (await readlink(`/proc/${pid}/cwd`).catch(() => '')) === place) found.push(pid);
  }
  return found;
}

test('the package manager that started the program is the one of the project', async () => {
  const { stderr } = await runMicro(['new', 'helloworld', '--no-install'], {
    cwd: folder,
    env: { npm_config_user_agent: 'yarn/4.9.1 npm/? node/v22.16.0 linux x64' },
  });
  expect(stderr).toContain('yarn install\nyarn proto\nyarn dev\nyarn micro call');
  expect(await text('helloworld/.yarnrc.yml')).toBe('nodeLinker: node-modules\n');
});

test('a repository is begun in the project, although the program runs in a hook of another one', async () => {
  const env = { GIT_DIR: join(folder, 'other.git'), GIT_WORK_TREE: folder };
  const { stderr } = await runMicro(['new', 'helloworld', '--no-install'], { cwd: folder, env });
  expect(stderr).toContain('began a git repository');
  expect(await isThere('helloworld/.git/HEAD')).toBe(true);
  expect(await isThere('other.git')).toBe(false);
});

test('no repository is begun inside of one', async () => {
  await mkdir(join(folder, '.git'));
  await run('new', 'apps/helloworld', '--no-install');
  expect(await isThere('apps/helloworld/package.json')).toBe(true);
  expect(await isThere('apps/helloworld/.git')).toBe(false);
});

test('a client calls what it is told: the service beside it, a file, or a new service', async () => {
  const PROTO = `// service Wrong { rpc Wrong(Wrong) returns (Wrong); }
syntax = "proto3";
package shop;
service Orders {
  rpc Follow(Order) returns (stream Order) {}
  rpc Buy(Order) returns (Order) { option deprecated = true; }
}
message Order { int64 id = 1; }
`;
  await mkdir(join(folder, 'orders/proto'), { recursive: true });
  await writeFile(join(folder, 'orders/proto/orders.proto'), PROTO);
  for (const [args, place] of [
    [['orders'], 'orders-client'],
    [['apps/shop', '--proto', 'orders/proto/orders.proto'], 'apps/shop-client'],
  ] as const) {
    const { code, stderr } = await run('new', 'client', ...args, '--no-install', '--no-git');
    expect(code, stderr).toBe(0);
    expect(await text(`${place}/proto/orders.proto`)).toBe(PROTO);
    expect(await text(`${place}/src/call.ts`)).toContain("from './gen/orders_pb.ts'");
    expect(await text(`${place}/src/call.ts`)).toMatch(/client\.of\(Orders, '(orders|shop)'\)\.buy\(\{\}, /);
  }
  await run('new', 'client', 'helloworld-client', '--no-install', '--no-git');
  expect(await text('helloworld-client/src/call.ts')).toContain(
    "client.of(Helloworld, 'helloworld').call({ name: 'John' }, ",
  );
});

test('on a terminal it asks for what is missing', async () => {
  const pty = microOnPty(['new', '--no-install', '--no-git'], { cwd: folder });
  await pty.shows('What is it?');
  pty.type(KEY.enter);
  await pty.shows('What is it called?');
  pty.type(`Hello World${KEY.enter}`);
  await pty.shows('is no name for a project');
  pty.type('\u007f'.repeat(11));
  pty.type(`hello-world${KEY.enter}`);
  await pty.shows('How are its messages described?');
  pty.type(KEY.down + KEY.enter);
  await pty.shows('What else?');
  pty.type(KEY.space + KEY.enter);
  await pty.shows('creating service hello-world');
  const { code, shown } = await pty.ended();
  expect(code, shown).toBe(0);
  expect(await isThere('hello-world/Dockerfile')).toBe(true);
  expect(await isThere('hello-world/src/contract.ts')).toBe(true);
});

test('on a terminal nothing is asked that was said, and nothing at all with --yes or in CI', async () => {
  for (const [args, env, code] of [
    [['new', 'helloworld', '--no-install', '--no-git'], {}, 0],
    [['new', '--yes'], {}, 2],
    [['new'], { CI: 'true' }, 2],
  ] as const) {
    const ended = await microOnPty(args, { cwd: folder, env }).ended();
    expect(ended.code, ended.shown).toBe(code);
    expect(ended.shown).not.toContain('?');
  }
});

test('Ctrl-C in a question ends with 130, and nothing is written', async () => {
  const pty = microOnPty(['new', 'plugin'], { cwd: folder });
  await pty.shows('Which part of a service is it?');
  pty.type(KEY.enter);
  await pty.shows('What is it for?');
  pty.type(`consul${KEY.interrupt}`);
  const { code, shown } = await pty.ended();
  expect(code, shown).toBe(130);
  expect(await readdir(folder)).toEqual([]);
});
