import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkNode } from '../src/doctor/check-node.ts';
import type { Finding } from '../src/doctor/finding.ts';
import { type Env, privateMdns, runMicro } from './support.ts';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

let folder: string;
let mdns: Env;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'micro doctor '));
  mdns = await privateMdns();
});
afterEach(() => rm(folder, { recursive: true }));

/** A project with these dependencies, of which those of this repository are linked. */
async function project(...names: readonly string[]): Promise<void> {
  const dependencies = Object.fromEntries(names.map((name) => [name, '^1.0.0']));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'app', type: 'module', dependencies }));
  await mkdir(join(folder, 'node_modules/@micro'), { recursive: true });
  await symlink(join(REPOSITORY, 'packages/core'), join(folder, 'node_modules/@micro/core'));
}

/** A package in the project, or in another package of it. */
async function install(name: string, manifest: object, code = '', inside = ''): Promise<void> {
  const at = join(folder, inside, 'node_modules', name);
  await mkdir(at, { recursive: true });
  await writeFile(join(at, 'package.json'), JSON.stringify({ name, version: '1.0.0', type: 'module', ...manifest }));
  await writeFile(join(at, 'index.js'), code);
}

async function doctor(args: readonly string[] = [], env: Env = {}): Promise<{ code?: number; findings: Finding[] }> {
  const { stdout, stderr, code } = await runMicro(['doctor', '-o', 'json', ...args], {
    cwd: folder,
    env: { ...mdns, ...env },
  });
  expect(stderr).toBe('');
  return { findings: JSON.parse(stdout), ...(code === undefined ? {} : { code }) };
}

const statusOf = (findings: readonly Finding[], check: string): string | undefined =>
  findings.find((finding) => finding.check === check)?.status;

test('finds nothing wrong with a project that has one core and a plugin that fits', async () => {
  await project('@micro/core', '@micro/registry-etcd');
  await symlink(join(REPOSITORY, 'plugins/registry-etcd'), join(folder, 'node_modules/@micro/registry-etcd'));
  const { code, findings } = await doctor();
  expect(code).toBe(0);
  expect(findings.map(({ check, status }) => [check, status])).toEqual([
    ['node', 'ok'],
    ['core', 'ok'],
    ['plugin @micro/registry-etcd', 'ok'],
    ['registry', 'ok'],
  ]);
});

test('finds a second copy of core, and says who sees it and what to do', async () => {
  await project('@micro/core', 'store-of-old');
  await install('store-of-old', { keywords: ['micro-plugin'], peerDependencies: { '@micro/core': '*' } });
  await install('@micro/core', { version: '0.9.0' }, '', 'node_modules/store-of-old');
  const { code, findings } = await doctor();
  expect(code).toBe(1);
  const found = findings.find(({ check }) => check === 'core');
  expect(found).toMatchObject({ status: 'problem', fix: expect.stringContaining('npm dedupe') });
  expect(found?.detail).toMatch(/^2 copies of @micro\/core: .* \(app\); 0\.9\.0 in .*store-of-old.* \(store-of-old\)$/);
});

test('finds a plugin that is made for another core, by its range and by its manifest', async () => {
  await project('@micro/core', '@acme/registry-old', '@micro/store-odd');
  await install('@acme/registry-old', { keywords: ['micro-plugin'], peerDependencies: { '@micro/core': '^9.0.0' } });
  await install(
    '@micro/store-odd',
    { exports: './index.js' },
    "export const plugin = { api: 7, kind: 'store', name: 'odd' };",
  );
  const { code, findings } = await doctor();
  expect(code).toBe(1);
  expect(findings.find(({ check }) => check === 'plugin @acme/registry-old')?.detail).toMatch(
    /^@acme\/registry-old 1\.0\.0 is made for @micro\/core \^9\.0\.0, and 1\.\d+\.\d+ is installed$/,
  );
  expect(findings.find(({ check }) => check === 'plugin @micro/store-odd')?.detail).toContain('plugin api 7');
});

test('finds that core is asked for and not installed', async () => {
  await writeFile(join(folder, 'package.json'), JSON.stringify({ dependencies: { '@micro/core': '^1.0.0' } }));
  const { code, findings } = await doctor();
  expect(code).toBe(1);
  expect(findings.find(({ check }) => check === 'core')).toMatchObject({ status: 'problem', fix: 'npm install' });
});

test('finds an address that somebody listens on already', async () => {
  await project('@micro/core');
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  try {
    const { code, findings } = await doctor(['--server_address', `127.0.0.1:${port}`]);
    expect(code).toBe(1);
    expect(findings.find(({ check }) => check === 'address')?.detail).toContain('EADDRINUSE');
  } finally {
    server.close();
  }
});

test('finds an address that is none', async () => {
  await project('@micro/core');
  const { code, findings } = await doctor(['--server_address', '0.0.0.0:http']);
  expect(code).toBe(1);
  expect(findings.find(({ check }) => check === 'address')?.detail).toContain('"0.0.0.0:http"');
});

test('finds a registry that does not answer, and a driver that is not installed', async () => {
  await project('@micro/core', '@micro/registry-etcd');
  await symlink(join(REPOSITORY, 'plugins/registry-etcd'), join(folder, 'node_modules/@micro/registry-etcd'));
  const away = await doctor(['--registry', 'etcd', '--registry_address', 'http://127.0.0.1:1']);
  expect(away.code).toBe(1);
  expect(statusOf(away.findings, 'registry')).toBe('problem');
  const missing = await doctor(['--registry', 'consul'], { MICRO_REGISTRY_ADDRESS: undefined });
  expect(missing.code).toBe(1);
  expect(missing.findings.find(({ check }) => check === 'components')?.detail).toContain(
    'npm install @micro/registry-consul',
  );
});

test('finds variables that are nearly ours, and not those that are not', async () => {
  await project('@micro/core');
  const { findings } = await doctor([], { MICRO_REGISTERY: 'etcd', MICRO_FRONTEND_HOST: 'x' });
  const odd = findings.filter(({ check }) => check === 'variables');
  expect(odd).toEqual([
    {
      check: 'variables',
      status: 'warning',
      detail: 'the variable MICRO_REGISTERY is read by nobody',
      fix: 'did you mean MICRO_REGISTRY?',
    },
  ]);
});

test('finds a Node that is too old', () => {
  const own = { engines: { node: '>=20.19' } };
  expect(checkNode(own, '20.18.3').status).toBe('problem');
  expect(checkNode(own, '20.19.0').status).toBe('ok');
  expect(checkNode(own, '24.1.0').status).toBe('ok');
});

test('prints a line for people for each look', async () => {
  await project('@micro/core');
  const { stdout, code } = await runMicro(['doctor'], { cwd: folder, env: mdns });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ok {6}Node /);
});

test('finds a package.json that is no JSON, and goes on', async () => {
  await writeFile(join(folder, 'package.json'), '{');
  const { code, findings } = await doctor();
  expect(code).toBe(1);
  expect(findings).toContainEqual(
    expect.objectContaining({ check: 'project', detail: expect.stringContaining('package.json cannot be read') }),
  );
  expect(statusOf(findings, 'registry')).toBe('ok');
});
