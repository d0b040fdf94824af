import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));
const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const run = promisify(execFile);

/** A folder in which new projects find what they depend on without being installed. */
export interface Workspace {
  readonly folder: string;
  /** Runs a program in a folder below and resolves with what it printed. Rejects with that when it fails. */
  run(folder: string, program: string, args: readonly string[]): Promise<string>;
  /** Takes the folder away. */
  remove(): Promise<void>;
}

/**
 * Makes a folder whose `node_modules` has what this package depends on, as it sees it: its own packages before those of the
 * repository. Nothing is copied.
 */
export async function makeWorkspace(): Promise<Workspace> {
  const folder = await mkdtemp(join(tmpdir(), 'micro-projects-'));
  for (const from of [join(PACKAGE, 'node_modules'), join(ROOT, 'node_modules')]) {
    await link(from, join(folder, 'node_modules'));
  }
  return {
    folder,
    async run(place, program, args) {
      const cwd = join(folder, place);
      const PATH = `${join(folder, 'node_modules', '.bin')}:${process.env.PATH}`;
      try {
        const { stdout } = await run(program, args, {
          cwd,
          env: { ...plainEnv(), PATH },
          timeout: 300_000,
          maxBuffer: 1e7,
        });
        return stdout;
      } catch (error) {
        const { stdout, stderr } = error as { stdout: string; stderr: string };
        throw new Error(`${program} ${args.join(' ')} in ${place}:\n${stdout}${stderr}`, { cause: error });
      }
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Links what is not there yet; scopes and `.bin` are folders of links. */
async function link(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const there = new Set(await readdir(to));
  for (const name of await readdir(from).catch(() => [])) {
    if (name.startsWith('@') || name === '.bin') await link(join(from, name), join(to, name));
    else if (!there.has(name) && !name.startsWith('.')) await symlink(join(from, name), join(to, name));
  }
}

/** The runner of these tests would have the tests of a project report to it. */
function plainEnv(): NodeJS.ProcessEnv {
  const ours = /^(MICRO_|NODE_TEST_CONTEXT$|NODE_OPTIONS$|VITEST|NODE_ENV$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}
