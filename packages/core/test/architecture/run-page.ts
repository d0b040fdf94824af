import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missingFor, withServer } from './page-servers.ts';
import { filesOf, type PageFile, type Program, programsOf } from './readme.ts';
import { PACKAGE } from './source.ts';

/** The folder of the repository. */
export const ROOT = join(PACKAGE, '../..');

/** How long a program or a test of a page may take, in milliseconds. */
const PROGRAM_MS = 15_000;
const TEST_MS = 120_000;

/** Whether a page has anything that can be run. */
export function hasPrograms(path: string): boolean {
  const markdown = read(path);
  return programsOf(markdown).length + filesOf(markdown).length > 0;
}

/**
 * Declares the tests that hold a page to what it shows: its files and programs compile together against the built core, in
 * a folder of this package, where `@micro/core` is the package itself; each program runs, ends by itself and prints what
 * the page says; each file called `*.test.ts` passes under node's test runner.
 */
export function testPage(path: string): void {
  const programs = programsOf(read(path));
  const files = filesOf(read(path));
  const tests = files.filter(({ name }) => name.endsWith('.test.ts'));

  describe(path, () => {
    let folder = '';

    beforeAll(() => {
      if (!existsSync(join(PACKAGE, 'dist/index.js'))) throw new Error('core is not built: run npm run build first');
      // Not below `test`, where a runner would take the tests of a page for its own.
      folder = mkdtempSync(join(PACKAGE, '.readme-'));
      for (const program of programs) writeFileSync(join(folder, `${nameOf(program)}.ts`), program.code);
      for (const { name, code } of files) writeFileSync(join(folder, name), code);
      // What is generated for the tests of a package is there for its page.
      const generated = join(ROOT, dirname(path), 'test/gen');
      if (existsSync(generated)) {
        for (const place of ['gen', 'out/gen']) cpSync(generated, join(folder, place), { recursive: true });
      }
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

    test('has programs or files, and they compile', { timeout: 60_000 }, () => {
      expect(programs.length + files.length).toBeGreaterThan(0);
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
      execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8', stdio: 'pipe' });
    });

    for (const program of programs) {
      const missing = missingFor(program.server);
      const why = missing === undefined ? '' : ` (skipped: ${missing})`;
      test.skipIf(missing !== undefined)(
        `runs the program on line ${program.line} and prints what it says${why}`,
        {
          timeout: PROGRAM_MS + 30_000,
        },
        async () => {
          const { status, stderr, stdout } = await withServer(program.server, (variables) =>
            node([join(folder, 'out', `${nameOf(program)}.js`)], PROGRAM_MS, variables),
          );
          expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
          if (program.output !== undefined) expect(stdout).toBe(program.output);
        },
      );
    }

    if (tests.length > 0) {
      test.each(tests)('passes $name on line $line', { timeout: TEST_MS + 10_000 }, ({ name }: PageFile) => {
        const file = join(folder, 'out', name.replace(/\.ts$/, '.js'));
        const { status, stdout, stderr } = node(['--test', '--test-reporter=spec', file], TEST_MS);
        expect(`${stdout}${stderr}`).not.toMatch(/^ℹ pass 0$/m);
        expect({ status, output: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, output: '' });
      });
    }
  });
}

/** Runs node until it ends, without what this process was told by its environment. */
function node(args: readonly string[], timeout: number, variables: Record<string, string> = {}) {
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
  const env = { ...inherited, NODE_ENV: '', MICRO_REGISTRY: '', ...variables };
  const run = spawnSync(process.execPath, args, { encoding: 'utf8', timeout, env });
  return { status: run.status ?? run.signal, stdout: run.stdout, stderr: run.stderr };
}

function nameOf(program: Program): string {
  return `line-${program.line}`;
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}
