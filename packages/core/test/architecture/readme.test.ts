import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Program, programsOf } from './readme.ts';
import { PACKAGE } from './source.ts';

/*
 * What the README shows is what works: each of its runnable programs is compiled and run against the built core, in a
 * folder of this package, where `@micro/core` is the package itself. A program has to end by itself.
 */
const ROOT = join(PACKAGE, '../..');
const programs = programsOf(readFileSync(join(ROOT, 'README.md'), 'utf8'));

test('a page is cut into its runnable programs and what they print', () => {
  const page = ['# A', '```ts', 'no', '```', '```ts runnable', 'a;', '', 'b;', '```', '', '```text', '1', '```', ''];
  expect(programsOf(page.join('\n'))).toEqual([{ line: 6, code: 'a;\n\nb;\n', output: '1\n' }]);
  expect(programsOf('```ts runnable\na;\n```\ntext\n```text\n1\n```\n')).toEqual([
    { line: 2, code: 'a;\n', output: undefined },
  ]);
});

describe('the README', () => {
  let folder = '';
  const fileOf = (program: Program) => `line-${program.line}`;

  beforeAll(() => {
    if (!existsSync(join(PACKAGE, 'dist/index.js'))) throw new Error('core is not built: run npm run build first');
    folder = mkdtempSync(join(PACKAGE, 'test/architecture/.readme-'));
    for (const program of programs) writeFileSync(join(folder, `${fileOf(program)}.ts`), program.code);
    const tsconfig = {
      extends: join(ROOT, 'tsconfig.base.json'),
      compilerOptions: { rootDir: '.', outDir: 'out', declaration: false, sourceMap: false },
      include: ['*.ts'],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
  });

  afterAll(() => {
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  test('has programs, and they compile', () => {
    expect(programs).not.toEqual([]);
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8', stdio: 'pipe' });
  });

  test.each(programs)('runs the program on line $line and prints what it says', (program) => {
    const run = spawnSync(process.execPath, [join(folder, 'out', `${fileOf(program)}.js`)], {
      encoding: 'utf8',
      timeout: 15_000,
      env: { ...process.env, NODE_ENV: '', MICRO_REGISTRY: '' },
    });
    expect({ status: run.status, signal: run.signal, stderr: run.status === 0 ? '' : run.stderr }).toEqual({
      status: 0,
      signal: null,
      stderr: '',
    });
    if (program.output !== undefined) expect(run.stdout).toBe(program.output);
  });
});
