import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startEtcd, startNats, startRedis, type TestServer } from '@micro/test-servers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../../../.ci/workspaces.mjs';
import type { Project } from '../src/project.ts';
import { mustRun } from '../src/run.ts';
import { createWorld, type World } from '../src/world.ts';
import { CORE, expectHello, installed, MANAGERS, release, succeeded, type Used } from './world.ts';

/*
 * One life of the published packages, told in order: each test goes on from the one before.
 */
const ETCD = '@micro/registry-etcd';
const NATS = '@micro/broker-nats';
const REDIS = '@micro/store-redis';
const REDIS_CLIENT = '@micro/redis-client';

let world: World;
let servers: readonly TestServer[] = [];
let overEtcd: Used;
let overNats: Used;
let overRedis: Used;
/** Of the first release, installed once by each package manager, to be deployed again from its lockfile. */
let pinned: readonly Project[] = [];
/** The same from their lockfiles, later. */
let deployed: readonly Project[] = [];
let before: Awaited<ReturnType<typeof traces>>;

beforeAll(async () => {
  before = await traces();
  const [made, etcd, nats, redis] = await Promise.all([createWorld(), startEtcd(), startNats(), startRedis()]);
  world = made;
  servers = [etcd, nats, redis];
  overEtcd = { plugin: ETCD, settings: { MICRO_REGISTRY: 'etcd', MICRO_REGISTRY_ADDRESS: etcd.url } };
  overNats = { plugin: NATS, settings: { MICRO_BROKER: 'nats', MICRO_BROKER_ADDRESS: nats.url } };
  overRedis = { plugin: REDIS, settings: { MICRO_STORE: 'redis', MICRO_STORE_ADDRESS: redis.url } };
});

afterAll(async () => {
  await Promise.all([world?.close(), ...servers.map((server) => server.close())]);
});

describe('the first release', () => {
  test('every package that is not private is published as 1.0.0 and tagged, and nothing else is', async () => {
    expect(world.copy.packages).toContain(CORE);
    expect(await release(world.copy)).toEqual({});
    for (const name of world.copy.packages) {
      expect(await world.registry.versions(name), name).toEqual(['1.0.0']);
    }
    const tags = (await world.copy.git('tag')).trim().split('\n').sort();
    expect(tags).toEqual(world.copy.packages.map((name) => `${name}@1.0.0`).sort());
    expect(await world.copy.git('status', '--porcelain')).toBe('');
    expect(await world.registry.versions('@micro/test-servers')).toEqual([]);
  });

  test('core alone is installed and greets', async () => {
    await withBoth(async (project) => {
      await project.install(CORE);
      await expectHello(project);
    });
  });

  test('core and one plugin are installed and greet over it, be it a registry or a store', async () => {
    pinned = await withBoth(async (project) => {
      await project.install(CORE, ETCD);
      await expectHello(project, overEtcd);
    });
    const project = await world.project('pnpm');
    await project.install(CORE, REDIS);
    await expectHello(project, overRedis);
  });

  test('every package can be imported and required where all of them are installed, and there is one core', async () => {
    const project = await world.project('npm');
    await project.install(...world.copy.packages);
    const libraries = await withExports(project, world.copy.packages);
    expect(libraries).toEqual(expect.arrayContaining([CORE, `${CORE}/plugin`, `${CORE}/conformance`, REDIS_CLIENT]));
    const list = JSON.stringify(libraries);
    const load = `
      const all = [require, (name) => import(name)].flatMap((load) => ${list}.map(load));
      Promise.all(all).then((modules) => console.log(modules.filter((m) => Object.keys(m).length > 0).length));`;
    const output = await mustRun(process.execPath, ['--input-type=commonjs', '-e', load], { cwd: project.folder });
    expect(Number(output)).toBe(2 * libraries.length);
    const { code, stdout } = await project.manage('ls', CORE, '--all', '--json');
    expect(code, stdout).toBe(0);
    expect(stdout.match(/"resolved": ".*\/core-[^"]*"/g)?.every((line) => line.includes('core-1.0.0.tgz'))).toBe(true);
    await expectHello(project, overNats);
  });
});

describe('a minor of core', () => {
  test('a release is refused while a change has no changeset, and while something is not committed', async () => {
    await world.copy.replace(
      'plugins/registry-etcd/src',
      /^ {2}api: 1,$/m,
      '  // Nobody says what this changes.\n  api: 1,',
    );
    const dirty = await world.copy.release();
    expect(dirty.code).toBe(1);
    expect(dirty.stderr).toContain('no release: there are changes that are not committed');

    await world.copy.commit('Change a plugin in silence');
    const silent = await world.copy.release();
    expect(silent.code).toBe(1);
    expect(silent.stderr).toContain(`${ETCD} has changed since ${ETCD}@1.0.0, and no changeset names it`);
    expect(silent.stderr).not.toContain(CORE);
    await world.copy.git('revert', '--no-edit', 'HEAD');
  });

  test('a dry run shows the new version and its changelog, and changes and publishes nothing', async () => {
    await world.copy.announce(CORE, 'minor', 'Services greet in the evening, too.');
    const commit = await world.copy.git('rev-parse', 'HEAD');
    const shown = await world.copy.release('--dry-run');
    succeeded(shown);
    expect(shown.stdout).toContain(`${CORE} 1.0.0 → 1.1.0`);
    expect(shown.stdout).toContain('Services greet in the evening, too.');
    expect(shown.stdout.match(/would be published/g)).toHaveLength(1);
    expect(await world.copy.git('rev-parse', 'HEAD')).toBe(commit);
    expect(await world.copy.git('status', '--porcelain')).toBe('');
    expect(await world.registry.versions(CORE)).toEqual(['1.0.0']);
  });

  test('it releases core alone: no plugin gets a new version, and none a new range', async () => {
    const plugins = await peersOfCore();
    expect(await release(world.copy)).toEqual({ [CORE]: '1.1.0' });
    expect(await peersOfCore()).toEqual(plugins);
    expect(await world.registry.versions(CORE)).toEqual(['1.0.0', '1.1.0']);
    expect(await world.registry.versions(ETCD)).toEqual(['1.0.0']);
    expect(await changelog('packages/core')).toMatch(
      /^# @micro\/core\n\n## 1\.1\.0\n\n### Minor Changes\n\n- [0-9a-f]{7}: Services greet in the evening, too\.\n/,
    );
  });

  test('plugins of the first release run on it', async () => {
    await withBoth(async (project) => {
      await project.install(CORE, `${ETCD}@1.0.0`);
      expect(await installed(project, CORE, ETCD)).toEqual(['1.1.0', '1.0.0']);
      await expectHello(project, overEtcd);
    });
  });

  test('what a lockfile pinned is installed as it was, and greets', async () => {
    deployed = await Promise.all(
      pinned.map((project) => project.deploy(join(world.folder, 'deployed', project.manager))),
    );
    await Promise.all(deployed.map(expectFirstRelease));
  });
});

describe('a patch of one plugin', () => {
  test('it releases that plugin alone', async () => {
    await world.copy.announce(ETCD, 'patch', 'It greets faster.');
    expect(await release(world.copy)).toEqual({ [ETCD]: '1.0.1' });
    expect(await changelog('plugins/registry-etcd')).toContain('It greets faster.');
  });

  test('an update brings it and the minor of core to a project that has the first release, which greets', async () => {
    await Promise.all(
      pinned.map(async (project) => {
        succeeded(await project.manage('update'));
        expect(await installed(project, CORE, ETCD)).toEqual(['1.1.0', '1.0.1']);
        await expectHello(project, overEtcd);
      }),
    );
  });
});

describe('a major of core', () => {
  test('it makes a major of every plugin, which wants the new core, and its other dependents a patch', async () => {
    // What a major that breaks the contract of plugins does.
    await world.copy.replace('packages/core/src/cmd', /^const API = 1;$/m, 'const API = 2;');
    await world.copy.replace('packages/core/src/contract', /^ {2}readonly api: 1;$/m, '  readonly api: 2;');
    await world.copy.replace('plugins', /^ {2}api: 1,$/m, '  api: 2,');
    const plugins = Object.keys(await peersOfCore());
    await world.copy.announce(CORE, 'major', 'Plugins are of api 2.');
    for (const name of plugins) await world.copy.announce(name, 'patch', 'The plugin is of api 2.');

    const released = await release(world.copy);
    expect(released).toMatchObject({ [CORE]: '2.0.0', ...Object.fromEntries(plugins.map((name) => [name, '2.0.0'])) });
    const manifests = await world.copy.manifests();
    for (const [name, version] of Object.entries(released)) {
      if (name === CORE || plugins.includes(name)) continue;
      expect(version, `${name} depends on what is new`).toBe('1.0.1');
    }
    for (const { name, dependencies, peerDependencies } of manifests.values()) {
      expect([undefined, '^2.0.0'], name).toContain(peerDependencies?.[CORE]);
      expect([undefined, '^2.0.0'], name).toContain(dependencies?.[CORE]);
      expect([undefined, '^2.0.0'], name).toContain(dependencies?.[REDIS_CLIENT]);
    }
  });

  test('the new core and the new plugins are installed together and greet', async () => {
    await withBoth(async (project) => {
      const used = project.manager === 'npm' ? overEtcd : overRedis;
      await project.install(CORE, used.plugin);
      expect(await installed(project, CORE, used.plugin)).toEqual(['2.0.0', '2.0.0']);
      await expectHello(project, used);
    });
  });

  test('an update leaves a project with the first major, and what was pinned can still be deployed and greets', async () => {
    const [updated, old] = [pinned[0], deployed[0]];
    if (updated === undefined || old === undefined) throw new Error('there is no project of the first release');
    succeeded(await updated.manage('update'));
    expect(await installed(updated, CORE, ETCD)).toEqual(['1.1.0', '1.0.1']);
    await expectFirstRelease(await old.deploy(join(world.folder, 'deployed', 'back')));
  });

  test.each([
    ['an old plugin on the new core', '2.0.0', '1.0.1', 'plugin api 1 and this @micro/core has api 2'],
    ['a new plugin on the old core', '1.1.0', '2.0.0', 'plugin api 2 and this @micro/core has api 1'],
  ])(
    '%s is refused by npm, and when it is forced by core, in one sentence with both names',
    async (_, core, plugin, apis) => {
      const project = await world.project('npm');
      const packages = [`${CORE}@${core}`, `${ETCD}@${plugin}`];
      const refused = await project.manage('install', ...packages);
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toContain('ERESOLVE');
      expect(refused.stderr).toContain(`peer ${CORE}@"^${plugin[0]}.0.0" from ${ETCD}@${plugin}`);
      expect(existsSync(join(project.folder, 'node_modules', CORE))).toBe(false);

      succeeded(await project.manage('install', core === '2.0.0' ? '--force' : '--legacy-peer-deps', ...packages));
      expect(await installed(project, CORE, ETCD)).toEqual([core, plugin]);
      for (const kind of ['ESM', 'CommonJS'] as const) {
        const { code, stderr } = await project.hello(kind, overEtcd.settings);
        expect(code).toBe(1);
        expect(stderr).toContain(
          `${ETCD} is made for ${apis}: install versions of ${ETCD} and ${CORE} that belong together`,
        );
      }
    },
  );

  test('pnpm refuses an old plugin on the new core when it is strict, and warns when it is not; core refuses it then', async () => {
    const project = await world.project('pnpm');
    await project.depend({ [CORE]: '2.0.0', [ETCD]: '1.0.1' });
    const strict = await project.manage('install', '--strict-peer-dependencies');
    expect(strict.code).toBe(1);
    expect(strict.stdout).toContain('ERR_PNPM_PEER_DEP_ISSUES');

    const loose = await project.manage('add', `${CORE}@2.0.0`, `${ETCD}@1.0.1`);
    succeeded(loose);
    expect(loose.stdout).toContain(`unmet peer ${CORE}@^1.0.0: found 2.0.0`);
    const { code, stderr } = await project.hello('ESM', overEtcd.settings);
    expect(code).toBe(1);
    expect(stderr).toContain(`${ETCD} is made for plugin api 1 and this ${CORE} has api 2`);
  });
});

test('nothing is left behind: no folder, no process, no commit or tag here, and npm is set as it was', async () => {
  const { folder, registry } = world;
  await world.close();
  expect(existsSync(folder)).toBe(false);
  expect(() => process.kill(registry.group, 0)).toThrow('ESRCH');
  expect(await traces()).toEqual(before);
});

/** A project of each package manager, in which the same is done. */
async function withBoth(act: (project: Project) => Promise<void>): Promise<readonly Project[]> {
  const projects = await Promise.all(MANAGERS.map((manager) => world.project(manager)));
  await Promise.all(projects.map(act));
  return projects;
}

/** Installs what the lockfile says and nothing else: the first release, whatever has been published since. */
async function expectFirstRelease(project: Project): Promise<void> {
  succeeded(await project.manage(...(project.manager === 'npm' ? ['ci'] : ['install', '--frozen-lockfile'])));
  expect(await installed(project, CORE, ETCD)).toEqual(['1.0.0', '1.0.0']);
  await expectHello(project, overEtcd);
}

/** What a rehearsal that went wrong would have changed here. */
async function traces(): Promise<object> {
  const git = (...args: readonly string[]): Promise<string> => mustRun('git', args, { cwd: ROOT });
  return {
    tags: await git('tag'),
    changesets: await git('status', '--porcelain', '--', '.changeset', ':(glob)**/CHANGELOG.md'),
    npm: await mustRun('npm', ['config', 'get', 'registry', 'cache', 'userconfig'], { cwd: ROOT }),
  };
}

/** Each package that wants core beside it, with the range it wants. */
async function peersOfCore(): Promise<Readonly<Record<string, string>>> {
  const manifests = [...(await world.copy.manifests()).values()];
  return Object.fromEntries(
    manifests.flatMap(({ name, peerDependencies }) => {
      const range = peerDependencies?.[CORE];
      return range === undefined ? [] : [[name, range]];
    }),
  );
}

/** The doors of packages in a project through which code comes: not package.json, and none of a package that only has commands. */
async function withExports(project: Project, names: readonly string[]): Promise<readonly string[]> {
  const doors: string[] = [];
  for (const name of names) {
    const text = await readFile(join(project.folder, 'node_modules', name, 'package.json'), 'utf8');
    const { exports = {} }: { readonly exports?: Readonly<Record<string, unknown>> } = JSON.parse(text);
    for (const [door, target] of Object.entries(exports)) {
      if (typeof target === 'object') doors.push(`${name}${door.slice(1)}`);
    }
  }
  return doors;
}

function changelog(folder: string): Promise<string> {
  return readFile(join(world.copy.folder, folder, 'CHANGELOG.md'), 'utf8');
}
