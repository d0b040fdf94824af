import { execFile } from 'node:child_process';
import { access, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeWorkspace, type Workspace } from '../../cli/test/scaffold/workspace.ts';

const PACKAGES = fileURLToPath(new URL('../..', import.meta.url));
const execute = promisify(execFile);

/** A folder with this package and the command line as users get them: packed, and nothing else of the repository. */
let workspace: Workspace;

beforeAll(async () => {
  workspace = await makeWorkspace();
  await unpack('create-micro', 'create-micro');
  await unpack('cli', '@micro/cli');
});

afterAll(() => workspace?.remove());

async function unpack(folder: string, name: string): Promise<void> {
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', workspace.folder];
  const { stdout } = await execute('npm', args, { cwd: join(PACKAGES, folder) });
  const [packed] = JSON.parse(stdout) as readonly { readonly filename: string }[];
  const place = join(workspace.folder, 'node_modules', name);
  await rm(place, { recursive: true, force: true });
  await mkdir(place, { recursive: true });
  await execute('tar', ['-xzf', join(workspace.folder, packed?.filename ?? ''), '--strip-components=1', '-C', place]);
}

/** What `npm create micro` runs. */
function create(...args: string[]) {
  const program = join(workspace.folder, 'node_modules/create-micro/dist/create-micro.js');
  return execute(process.execPath, [program, ...args], { cwd: workspace.folder, timeout: 120_000 });
}

test('the packed package, with the packed command line, begins a project that depends on this release', async () => {
  const { stdout, stderr } = await create('helloworld', '--yes', '--complete', '--no-install');
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^creating service helloworld\n/);
  const manifest = JSON.parse(await readFile(join(workspace.folder, 'helloworld/package.json'), 'utf8'));
  const { version } = JSON.parse(await readFile(join(PACKAGES, 'cli/package.json'), 'utf8'));
  expect(manifest.devDependencies).toHaveProperty('@micro/cli', `^${version}`);
  // npm leaves such files out unless they are called otherwise.
  await access(join(workspace.folder, 'helloworld/.gitignore'));
  await access(join(workspace.folder, 'helloworld/.dockerignore'));
});

test('it begins clients and plugins too', async () => {
  const { stdout } = await create('client', 'helloworld', '--dry-run');
  expect(stdout).toContain('helloworld-client/\n');
  expect((await create('plugin', 'registry-consul', '--dry-run')).stdout).toContain('registry-consul/\n');
});

test('what makes no sense ends with 2', async () => {
  await expect(create('../helloworld', '--yes')).rejects.toMatchObject({ code: 2, stdout: '' });
});
