import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';
import { createInitWorld } from './init-world.ts';

/*
 * Real packages in a real node_modules, imported by Node. They are JavaScript, as published ones are, and know core only by
 * the shape of what they return.
 */
let project = '';

const REGISTRY = `{
  async register(record) { records.set(record.name, record); },
  async deregister(record) { records.delete(record.name); },
  async getService(name) { return records.has(name) ? [records.get(name)] : []; },
  async listServices() { return [...records.keys()]; },
  async *watch({ signal } = {}) { await new Promise((resolve) => signal?.addEventListener('abort', resolve)); },
  async close() { globalThis.closedPlugins?.push(name); },
}`;

/** The code of a registry plugin; what its manifest says can be changed. */
const registryPlugin = (manifest: string, name = 'fake'): string => `
const records = new Map();
const name = ${JSON.stringify(name)};
export const plugin = { api: 1, kind: 'registry', name, create(flags, parts) {
  return Object.assign(${REGISTRY}, { name, flags, parts });
}, ${manifest} };`;

async function install(
  name: string,
  code: string,
  exported: unknown = { '.': { default: './index.js' } },
): Promise<void> {
  const folder = join(project, 'node_modules', name);
  await mkdir(folder, { recursive: true });
  const manifest = { name, version: '1.0.0', type: 'module', exports: exported };
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(folder, 'index.js'), code);
}

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'micro-plugins-'));
  await Promise.all([
    install('@micro/registry-fake', registryPlugin('')),
    install('@acme/some-registry', registryPlugin('', 'acme'), { import: './index.js', types: './index.d.ts' }),
    install('@micro/registry-next', registryPlugin('api: 2', 'next')),
    install('@micro/registry-none', registryPlugin('api: undefined', 'none')),
    install('@micro/registry-broker', registryPlugin("kind: 'broker'", 'broker')),
    install('@micro/registry-misnamed', registryPlugin('', 'other')),
    install('@micro/registry-nameless', registryPlugin("name: ''", 'nameless')),
    install('@micro/registry-uncreative', registryPlugin("create: 'no'", 'uncreative')),
    install('@micro/registry-empty', registryPlugin('create: () => undefined', 'empty')),
    install('@micro/registry-partial', registryPlugin("create: () => ({ name: 'partial', register() {} })", 'partial')),
    install('@micro/registry-failing', registryPlugin("create() { throw new TypeError('no hosts') }", 'failing')),
    install('@micro/registry-broken', 'throw new Error("cannot start");'),
    install('@micro/registry-syntax', 'this is no code'),
    install('some-library', 'export default 1;'),
    install(
      '@micro/selector-first',
      `export const plugin = { api: 1, kind: 'selector', name: 'first', create: (flags, { registry }) => ({
        name: 'first',
        select: async (service) => (await registry.getService(service))[0].nodes[0],
        mark() {}, reset() {}, async close() {},
      }) };`,
    ),
  ]);
});

afterAll(() => rm(project, { recursive: true, force: true }));

test('a short name finds the package of the kind, and gives its create() the flags, a logger and a registry', async () => {
  await using world = createInitWorld();
  const argv = ['--registry=fake', '--registry_address=a:1,b:2', '--app=x'];
  const flags = [{ name: 'app', description: 'of the app', type: 'string' }] as const;
  const service = await world.init(argv, {}, { project, flags });
  const registry = service.components.registry as unknown as {
    readonly name: string;
    readonly flags: Record<string, unknown>;
    readonly parts: Record<string, unknown>;
  };
  expect(registry.name).toBe('fake');
  expect({ ...registry.flags }).toEqual({ registry: 'fake', registry_address: ['a:1', 'b:2'], app: 'x' });
  expect(registry.parts.logger).toBeDefined();

  service.server.handle('Greeter', { hello: () => ({ msg: 'Hello' }) });
  await service.start();
  expect(await service.client.call({ service: 'greeter', endpoint: 'Greeter.Hello' })).toEqual({ msg: 'Hello' });
});

test('a full name finds any package, by variable too, also one that can only be imported', async () => {
  await using world = createInitWorld();
  const service = await world.init([], {}, { project, env: { MICRO_REGISTRY: '@acme/some-registry' } });
  expect(service.components.registry.name).toBe('acme');
});

test('a plugin is looked for from the folder of the project and those above it', async () => {
  await using world = createInitWorld();
  const deep = join(project, 'dist', 'src');
  const service = await world.init(['--registry=fake'], {}, { project: deep });
  expect(service.components.registry.name).toBe('fake');
  const only = await world.init(['--registry=@acme/some-registry'], {}, { project: deep });
  expect(only.components.registry.name).toBe('acme');
});

test('a selector of a plugin asks the registry of the service', async () => {
  await using world = createInitWorld();
  const service = await world.init(['--selector=first'], { registry: memoryRegistry() }, { project });
  service.server.handle('Greeter', { hello: () => ({ msg: 'Hello' }) });
  await service.start();
  expect(service.components.selector.name).toBe('first');
  expect(await service.client.call({ service: 'greeter', endpoint: 'Greeter.Hello' })).toEqual({ msg: 'Hello' });
});

describe('a package is refused', () => {
  test.each([
    [
      'next',
      'of another api in one sentence with both names',
      '@micro/registry-next is made for plugin api 2 and this @micro/core has api 1: install versions of @micro/registry-next and @micro/core that belong together',
    ],
    ['none', 'without an api', '@micro/registry-none is made for plugin api undefined and this @micro/core has api 1'],
    ['broker', 'of another kind', '@micro/registry-broker is a plugin for "broker", not for registry'],
    ['misnamed', 'of another name', '@micro/registry-misnamed calls its plugin "other", not "misnamed"'],
    ['nameless', 'without a name', 'the manifest of @micro/registry-nameless lacks a name or the function create'],
    ['uncreative', 'without create', 'the manifest of @micro/registry-uncreative lacks a name or the function create'],
    ['empty', 'that makes nothing', '@micro/registry-empty made no component'],
    [
      'partial',
      'that makes half a component',
      '@micro/registry-partial made a registry without the function deregister',
    ],
    ['failing', 'that cannot make it', '@micro/registry-failing cannot make its component: no hosts'],
    ['broken', 'that throws when it is imported', '@micro/registry-broken cannot be imported: cannot start'],
    ['syntax', 'that is no code', '@micro/registry-syntax cannot be imported'],
    ['some-library', 'that is no plugin', 'some-library is no plugin: it exports nothing called plugin'],
  ])('%s: one %s', async (name, _what, detail) => {
    await using world = createInitWorld();
    const error = await world.failure([`--registry=${name}`], {}, { project });
    expect(error.code).toBe(400);
    expect(error.detail).toContain(detail);
  });
});

test.each([
  '../../etc/passwd',
  '/etc/passwd',
  './index.js',
  'file:///etc/passwd',
  'data:text/javascript,1',
  'node:fs',
  'fs',
  '@micro/../x',
  'A B',
  '..',
  '%2e%2e',
  '__proto__',
  'constructor',
  'x'.repeat(300),
])('%j is never taken for a package', async (name) => {
  await using world = createInitWorld();
  const { code, detail } = await world.failure([`--registry=${name}`], {}, { project });
  expect(code).toBe(404);
  expect(detail).toMatch(/^unknown registry ".*: core has mdns, memory/);
  expect(detail.length).toBeLessThan(1_000);
});

test('a name that nobody knows is an error that lists those there are and says what to install', async () => {
  await using world = createInitWorld();
  const { code, detail } = await world.failure(['--store=redis'], {}, { project });
  expect(code).toBe(404);
  expect(detail).toBe(
    `unknown store "redis": core has memory, file, and @micro/store-redis is not installed: npm install @micro/store-redis (looked from ${project})`,
  );
});

test('when a later component cannot be made, those before it are closed', async () => {
  await using world = createInitWorld();
  const closed: string[] = [];
  const spied = globalThis as { closedPlugins?: string[] };
  spied.closedPlugins = closed;
  try {
    await world.failure(['--registry=fake', '--store=nonsense'], {}, { project });
    expect(closed).toEqual(['fake']);
    const options = { name: '' };
    await world.failure(['--registry=fake'], options, { project });
    expect(closed).toEqual(['fake', 'fake']);
  } finally {
    delete spied.closedPlugins;
  }
});
