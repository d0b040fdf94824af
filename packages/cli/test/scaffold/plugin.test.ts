import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { initService, silentLogger } from '@micro/core';
import * as conformance from '@micro/core/conformance';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { namesOf } from '../../src/scaffold/names.ts';
import { pluginKindOf } from '../../src/scaffold/plugin/plugin-kind.ts';
import { pluginNames } from '../../src/scaffold/plugin/plugin-names.ts';
import { PLUGIN_KINDS, type Project, type TemplateKind } from '../../src/scaffold/project.ts';
import { renderProject } from '../../src/scaffold/render-project.ts';
import { written } from './written-methods.ts';

const WORKSPACE = fileURLToPath(new URL('../../../..', import.meta.url));
/** No program takes longer, also on a loaded machine. */
const DEADLINE_MS = 120_000;

/** How many cases there are for each kind. */
const CASES: Readonly<Record<TemplateKind, number>> = {
  registry: Object.keys(conformance.registryCases).length,
  store: Object.keys(conformance.storeCases).length,
  cache: Object.keys(conformance.cacheCases).length,
  broker: Object.keys(conformance.brokerCases).length,
  transport: Object.keys(conformance.transportCases).length,
  auth: Object.keys(conformance.authCases).length,
};
/** Tests of a scaffold beside the cases. */
const OWN_TESTS = 4;

let root: string;

function projectOf(kind: TemplateKind, name: string): Project {
  return {
    kind: 'plugin',
    names: namesOf(name),
    proto: false,
    features: new Set(),
    namespace: 'default',
    postgresAddress: '',
    packageManager: 'npm',
    pluginKind: kind,
  };
}

/** Writes a plugin of a kind as `folder`, whose methods are written if `edit` says so. */
async function scaffold(
  folder: string,
  kind: TemplateKind,
  name: string,
  edit: (source: string) => string = (source) => source,
) {
  const factory = `src/${pluginNames(kind, name).backend}-${kind}.ts`;
  for (const [path, content] of renderProject(projectOf(kind, name))) {
    const file = join(root, folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, path === factory ? edit(content) : content);
  }
}

interface Ran {
  readonly code: number;
  readonly output: string;
}

/**
 * Runs a program in a folder of `root`, without what CI and npm have set for the tests themselves. One that does not end is
 * killed with all it has started.
 */
async function run(program: string, args: readonly string[], folder = '.'): Promise<Ran> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|MICRO_|NODE_|VITEST|FORCE_COLOR)/.test(name)),
  );
  const child = spawn(program, args, {
    cwd: join(root, folder),
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const timer = setTimeout(() => process.kill(-Number(child.pid), 'SIGKILL'), DEADLINE_MS);
  try {
    const ended = once(child, 'close');
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const [code] = await ended;
    return { code: Number(code ?? -1), output: `${stdout}${stderr}` };
  } finally {
    clearTimeout(timer);
  }
}

/** How many tests the runner counted as what. */
function counted(output: string, what: 'pass' | 'fail' | 'skipped' | 'todo'): number {
  const [, count] = new RegExp(`^(?:#|ℹ) ${what} (\\d+)$`, 'm').exec(output) ?? [];
  return Number(count);
}

/** Runs `npm test` in the plugins of every kind, two at a time. */
async function tested(set: 'new' | 'written'): Promise<ReadonlyMap<TemplateKind, Ran>> {
  const left = [...PLUGIN_KINDS];
  const results = new Map<TemplateKind, Ran>();
  const lane = async (): Promise<void> => {
    for (let kind = left.shift(); kind !== undefined; kind = left.shift()) {
      results.set(kind, await run('npm', ['test'], `${set}/${kind}`));
    }
  };
  await Promise.all([lane(), lane()]);
  return results;
}

/** What `npm test` says of new plugins; they are tested once. */
let ofNew: Promise<ReadonlyMap<TemplateKind, Ran>> | undefined;
function testedNew(): Promise<ReadonlyMap<TemplateKind, Ran>> {
  ofNew ??= tested('new');
  return ofNew;
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'micro-plugins-'));
  await symlink(join(WORKSPACE, 'node_modules'), join(root, 'node_modules'));
  for (const kind of PLUGIN_KINDS) {
    await scaffold(`new/${kind}`, kind, `@acme/${kind}-my-backend`);
    await scaffold(`written/${kind}`, kind, `@acme/${kind}-my-backend`, (source) => written(kind, source));
  }
});

afterAll(() => rm(root, { recursive: true, force: true }));

describe('a new plugin', { timeout: 4 * DEADLINE_MS }, () => {
  test('of every kind is free of errors of types, and of findings with the recommended rules', async () => {
    const settings = JSON.parse(await readFile(join(root, 'new/registry/tsconfig.json'), 'utf8'));
    const options = { ...settings.compilerOptions, noUnusedLocals: true, exactOptionalPropertyTypes: true };
    await writeFile(join(root, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['new'] }));
    const bin = (name: string): string => join(root, 'node_modules/.bin', name);
    expect(await run(bin('tsc'), ['-p', 'tsconfig.json'])).toEqual({ code: 0, output: '' });
    const lint = await run(bin('biome'), ['lint', '--error-on-warnings', 'new']);
    expect(lint.output).toMatch(/Checked \d+ files/);
    expect(lint.code, lint.output).toBe(0);
  });

  test('has a green test run, which names what is still to be written and fails nothing', async () => {
    for (const [kind, { code, output }] of await testedNew()) {
      expect(code, output).toBe(0);
      expect([kind, counted(output, 'fail'), counted(output, 'skipped')]).toEqual([kind, 0, 0]);
      expect(counted(output, 'pass') + counted(output, 'todo')).toBe(CASES[kind] + OWN_TESTS);
      expect(counted(output, 'todo'), `${kind} has hardly anything to write`).toBeGreaterThan(CASES[kind] / 2);
      expect(output).toMatch(/# (TODO )?\w+ is not written yet/);
    }
  });

  test('that is written passes every case and has nothing to do any more', async () => {
    for (const [kind, { code, output }] of await tested('written')) {
      expect(code, output).toBe(0);
      expect([kind, counted(output, 'todo'), counted(output, 'skipped')]).toEqual([kind, 0, 0]);
      expect(counted(output, 'pass')).toBe(CASES[kind] + OWN_TESTS);
    }
  });

  test('is not published before it is written', async () => {
    const { code, output } = await run('npm', ['run', 'prepublishOnly'], 'new/auth');
    expect(code).not.toBe(0);
    expect(output).toContain('generate is not written yet');
    expect((await run('npm', ['run', 'prepublishOnly'], 'written/auth')).code).toBe(0);
  });

  test('is chosen by a flag with the full name of its package', async () => {
    for (const kind of ['registry', 'store', 'broker', 'transport'] as const) {
      const name = `@acme/${kind}-my-backend`;
      await run('npm', ['run', 'build'], `new/${kind}`);
      await mkdir(join(root, 'app/node_modules/@acme'), { recursive: true });
      await symlink(join(root, 'new', kind), join(root, 'app/node_modules', name));
      const address = kind === 'transport' ? [] : [`--${kind}_address`, '127.0.0.1:1'];
      const service = await initService(
        { name: 'greeter', logger: silentLogger() },
        { argv: [`--${kind}`, name, ...address], env: {}, project: join(root, 'app') },
      );
      expect(service.components[kind]?.name).toBe('my-backend');
      await service.stop();
    }
  });
});

test('a new registry is what the page on plugins shows', { timeout: 4 * DEADLINE_MS }, async () => {
  const page = await readFile(join(WORKSPACE, 'docs/writing-a-plugin.md'), 'utf8');
  const begin = page.slice(page.indexOf('## Begin'), page.indexOf('## What to read'));
  const [code, output] = [...begin.matchAll(/^```text\n(.*?)^```$/gms)].map(([, block = '']) => block);
  const factory = renderProject(projectOf('registry', '@acme/registry-consul')).get('src/consul-registry.ts');
  expect(factory).toContain(code);
  const said = (await testedNew()).get('registry')?.output;
  // Versions of Node differ in the signs around what they say.
  const shown = output?.split(/\n|^ok \d+ - | # TODO |^# /m).filter((each) => each !== '' && each !== '…') ?? [];
  expect(shown).toHaveLength(5);
  for (const each of shown) expect(said).toContain(each);
});

describe('the name of a plugin', () => {
  test('says its kind, its backend and what everything is called', () => {
    expect(pluginKindOf('registry-consul')).toBe('registry');
    expect(pluginKindOf('@acme/store-my_db')).toBe('store');
    expect(pluginKindOf('consul-registry')).toBeUndefined();
    expect(pluginNames('registry', '@acme/registry-my_cool.db')).toEqual({
      backend: 'my-cool-db',
      factory: 'myCoolDbRegistry',
      options: 'MyCoolDbRegistryOptions',
      variable: 'MY_COOL_DB',
      flag: '@acme/registry-my_cool.db',
    });
    expect(pluginNames('registry', 'consul')).toMatchObject({ backend: 'consul', flag: 'consul' });
    expect(pluginNames('registry', '@micro/registry-consul')).toMatchObject({ flag: 'consul' });
  });

  test.each(['registry-', 'registry', 'registry-3par', '@acme/registry-'])('%s is refused', (name) => {
    expect(() => pluginNames('registry', name)).toThrow(/is no name for a plugin.*registry-consul/);
  });
});
