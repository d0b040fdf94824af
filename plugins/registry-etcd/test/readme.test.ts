import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startEtcd } from '@micro/test-servers';
import { describe, expect, it } from 'vitest';
import { missing, why } from './support.ts';

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const ROOT = join(PACKAGE, '../..');
/** A program, and what it prints. */
const PROGRAM = /^```ts with-etcd\n([\s\S]*?)^```\n\n```text\n([\s\S]*?)^```/gm;

describe.skipIf(missing !== undefined)(`the README${why}`, () => {
  it('has a program that compiles, runs, ends by itself and prints what it says', { timeout: 60_000 }, async () => {
    const [, program = '', output = ''] = PROGRAM.exec(await readFile(join(PACKAGE, 'README.md'), 'utf8')) ?? [];
    await using etcd = await startEtcd();
    const folder = await mkdtemp(join(PACKAGE, '.readme-'));
    try {
      await writeFile(join(folder, 'program.ts'), program);
      const tsconfig = {
        extends: join(ROOT, 'tsconfig.base.json'),
        compilerOptions: { rootDir: '.', outDir: 'out', declaration: false, sourceMap: false },
        include: ['*.ts'],
      };
      await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
      await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder]);
      const options = { env: { ...process.env, ETCD_HOSTS: etcd.url }, timeout: 30_000 };
      const { stdout } = await run(process.execPath, [join(folder, 'out/program.js')], options);
      // The usual logger may write lines of its own around it.
      expect(stdout).toContain(output);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('names every option', async () => {
    const [readme, options] = await Promise.all(
      ['README.md', 'src/etcd-options.ts'].map((file) => readFile(join(PACKAGE, file), 'utf8')),
    );
    const declared = /interface EtcdRegistryOptions \{([\s\S]*?)\n\}/.exec(options ?? '')?.[1] ?? '';
    const names = [...declared.matchAll(/^ {2}readonly (\w+)\?/gm)].map(([, name]) => name);
    expect(names).toContain('hosts');
    for (const name of names) expect(readme).toMatch(new RegExp(`^\\|[^|]*\`${name}\``, 'm'));
  });
});
