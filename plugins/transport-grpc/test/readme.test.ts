import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const ROOT = join(PACKAGE, '../..');
/** A program, and what it prints. */
const PROGRAM = /^```ts\n([\s\S]*?)^```\n\n```text\n([\s\S]*?)^```/m;

const readme = (): Promise<string> => readFile(join(PACKAGE, 'README.md'), 'utf8');

test('the program of the README compiles, runs, ends by itself and prints what it says', {
  timeout: 90_000,
}, async () => {
  const [, program = '', output = ''] = PROGRAM.exec(await readme()) ?? [];
  const folder = await mkdtemp(join(PACKAGE, '.readme-'));
  try {
    for (const place of ['gen', 'out/gen'])
      await cp(join(PACKAGE, 'test/gen'), join(folder, place), { recursive: true });
    await writeFile(join(folder, 'program.ts'), program);
    const tsconfig = {
      extends: join(ROOT, 'tsconfig.base.json'),
      compilerOptions: { rootDir: '.', outDir: 'out', declaration: false, sourceMap: false },
      include: ['*.ts'],
    };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
    await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder]);
    const env = { ...process.env, MICRO_LOG_LEVEL: 'error', NODE_OPTIONS: '' };
    const { stdout } = await run(process.execPath, [join(folder, 'out/program.js')], { env, timeout: 30_000 });
    expect(stdout).toBe(output);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each([
  ['GrpcTransportOptions', 'grpc-options'],
  ['GrpcDoorOptions', 'grpc-door'],
  ['GrpcClientOptions', 'grpc-client'],
])('the README names every option of %s', async (type, file) => {
  const source = await readFile(join(PACKAGE, `src/${file}.ts`), 'utf8');
  const declared = new RegExp(`interface ${type} [^{]*\\{([\\s\\S]*?)\\n\\}`).exec(source)?.[1] ?? '';
  const names = [...declared.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(0);
  const text = await readme();
  for (const name of names) expect(text).toMatch(new RegExp(`^\\|[^|]*\`${name}\``, 'm'));
});
