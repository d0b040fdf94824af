import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Outcome, run } from './run.ts';
import { PNPM } from './tools.ts';

/** Who installs. */
export type PackageManager = 'npm' | 'pnpm';

/** How a program came to the packages it uses. */
export type ModuleKind = 'ESM' | 'CommonJS';

/** A user's project: a folder with a package.json, and what was installed there. */
export interface Project {
  readonly folder: string;
  readonly manager: PackageManager;
  /** Runs the package manager, which may fail. */
  manage(...args: readonly string[]): Promise<Outcome>;
  /** Installs packages such as `@micro/core@1.0.0`, as what the project depends on. Throws when it fails. */
  install(...packages: readonly string[]): Promise<void>;
  /** Writes into package.json what the project depends on, and installs nothing. */
  depend(dependencies: Readonly<Record<string, string>>): Promise<void>;
  /** The version that is installed. */
  version(name: string): Promise<string>;
  /** Runs helloworld, with settings in its environment; a plugin is imported (or required) by its name as well. */
  hello(kind: ModuleKind, settings?: Readonly<Record<string, string>>, plugin?: string): Promise<Outcome>;
  /** A new project with the package.json and the lockfile of this one, and nothing installed. */
  deploy(folder: string): Promise<Project>;
}

const PROGRAMS = join(import.meta.dirname, '..', 'programs');
const LOCKFILE = { npm: 'package-lock.json', pnpm: 'pnpm-lock.yaml' } as const;
const HELLO_MS = 180_000;

/** Makes a project in a folder that is not there yet. */
export async function createProject(
  folder: string,
  manager: PackageManager,
  env: Readonly<Record<string, string>>,
): Promise<Project> {
  await mkdir(folder, { recursive: true });
  await cp(PROGRAMS, folder, { recursive: true });
  const depend = (dependencies: Readonly<Record<string, string>>): Promise<void> =>
    writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'greetings', private: true, dependencies }));
  await depend({});
  const manage = (...args: readonly string[]): Promise<Outcome> =>
    manager === 'npm'
      ? run('npm', args, { cwd: folder, env })
      : run(process.execPath, [PNPM, ...args], { cwd: folder, env });
  return {
    folder,
    manager,
    manage,
    depend,
    async install(...packages) {
      const { code, stdout, stderr } = await manage(manager === 'npm' ? 'install' : 'add', ...packages);
      if (code !== 0) throw new Error(`${manager} did not install ${packages.join(' ')}:\n${stdout}\n${stderr}`);
    },
    async version(name) {
      return JSON.parse(await readFile(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version;
    },
    hello: (kind, settings = {}, plugin) =>
      run(process.execPath, [kind === 'ESM' ? 'hello.mjs' : 'hello.cjs', ...(plugin === undefined ? [] : [plugin])], {
        cwd: folder,
        env: { ...env, MICRO_LOG_LEVEL: 'error', ...settings },
        timeoutMs: HELLO_MS,
      }),
    async deploy(target) {
      const copy = await createProject(target, manager, env);
      for (const file of ['package.json', LOCKFILE[manager]]) await cp(join(folder, file), join(target, file));
      return copy;
    },
  };
}
