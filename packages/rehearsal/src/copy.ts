import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Manifest, ROOT, workspaces } from '../../../.ci/workspaces.mjs';
import { mustRun, type Outcome, run } from './run.ts';

/** How much a release changes of a package. */
export type Bump = 'patch' | 'minor' | 'major';

/** A copy of this repository in the hands of a maintainer. Nothing done to it changes the repository. */
export interface Copy {
  readonly folder: string;
  /** The names of all packages that are published. */
  readonly packages: readonly string[];
  /** What package.json of each published package says. */
  manifests(): Promise<ReadonlyMap<string, Manifest>>;
  /** Writes a changeset for one package and commits it. */
  announce(name: string, bump: Bump, sentence: string): Promise<void>;
  /** Replaces a text in every file of a package's folder that matches, and throws when there is none. Commits nothing. */
  replace(folder: string, pattern: RegExp, replacement: string): Promise<void>;
  /** Commits everything that is different. */
  commit(message: string): Promise<void>;
  /** `npm run release`. */
  release(...args: readonly string[]): Promise<Outcome>;
  git(...args: readonly string[]): Promise<string>;
}

/** A copy that still wants to know who works on it. */
export interface FreshCopy {
  readonly packages: readonly string[];
  withEnvironment(env: Readonly<Record<string, string>>): Copy;
}

const RELEASE_MS = 900_000;

/**
 * Copies the last commit into a folder as if nothing had been released yet: every published package is 1.0.0, and no
 * changeset waits. What differs otherwise is that npm is not asked for provenance, which it gives to nobody but the release
 * workflow, and that the checks of packages are left out, which CI runs by themselves.
 */
export async function copyCheckout(folder: string): Promise<FreshCopy> {
  await mustRun(process.execPath, [join(ROOT, '.ci', 'copy-checkout.mjs'), folder], { cwd: ROOT });
  const packages = await beginAnew(folder);
  return {
    packages,
    withEnvironment(env) {
      const git = (...args: readonly string[]): Promise<string> => mustRun('git', args, { cwd: folder, env });
      const commit = async (message: string): Promise<void> => {
        await git('add', '--all');
        await git('commit', '--quiet', '--message', message);
      };
      let changesets = 0;
      return {
        folder,
        packages,
        manifests: async () =>
          new Map(
            workspaces(folder)
              .filter(({ manifest }) => !manifest.private)
              .map(({ manifest }) => [manifest.name, manifest]),
          ),
        async announce(name, bump, sentence) {
          const file = join(folder, '.changeset', `rehearsal-${++changesets}.md`);
          await writeFile(file, `---\n'${name}': ${bump}\n---\n\n${sentence}\n`);
          await commit(`Announce a ${bump} of ${name}`);
        },
        async replace(path, pattern, replacement) {
          let changed = 0;
          for (const entry of await readdir(join(folder, path), { recursive: true, withFileTypes: true })) {
            if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
            const file = join(entry.parentPath, entry.name);
            const text = await readFile(file, 'utf8');
            if (!pattern.test(text)) continue;
            await writeFile(file, text.replace(pattern, replacement));
            changed++;
          }
          if (changed === 0) throw new Error(`nothing in ${path} matches ${pattern}`);
        },
        commit,
        release: (...args) =>
          run('npm', ['run', 'release', '--', ...args], { cwd: folder, env, timeoutMs: RELEASE_MS }),
        git,
      };
    },
  };
}

/** Takes a copy back to before the first release, on the branch that releases are made of. Returns what is published. */
async function beginAnew(folder: string): Promise<readonly string[]> {
  const all = workspaces(folder);
  const packages = all.filter(({ manifest }) => !manifest.private).map(({ manifest }) => manifest.name);
  for (const { folder: path } of all) {
    await rm(join(path, 'CHANGELOG.md'), { force: true });
    await change(join(path, 'package.json'), (manifest) => {
      const { name, dependencies, devDependencies, peerDependencies, publishConfig } = manifest;
      if (packages.includes(String(name))) manifest.version = '1.0.0';
      for (const ranges of [dependencies, devDependencies, peerDependencies].filter(isObject)) {
        for (const dependency of packages) if (ranges[dependency] !== undefined) ranges[dependency] = '^1.0.0';
      }
      if (isObject(publishConfig)) publishConfig.provenance = false;
    });
  }
  await change(join(folder, 'package.json'), ({ scripts }) => {
    if (isObject(scripts)) scripts['packages:check'] = 'node --version';
  });
  const changesets = join(folder, '.changeset');
  for (const file of await readdir(changesets)) {
    if (file.endsWith('.md') && file !== 'README.md') await rm(join(changesets, file));
  }
  const who = ['-c', 'user.name=Rehearsal', '-c', 'user.email=rehearsal@localhost'];
  await mustRun('git', ['switch', '--quiet', '--force-create', 'main'], { cwd: folder });
  await mustRun('git', [...who, 'commit', '--quiet', '--all', '--allow-empty', '--message', 'Begin'], { cwd: folder });
  return packages;
}

/** Every package of a repository, private ones too: its folder and its package.json. */
async function change(file: string, edit: (manifest: Record<string, unknown>) => void): Promise<void> {
  const manifest: Record<string, unknown> = JSON.parse(await readFile(file, 'utf8'));
  edit(manifest);
  await writeFile(file, `${JSON.stringify(manifest, null, 2)}\n`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
