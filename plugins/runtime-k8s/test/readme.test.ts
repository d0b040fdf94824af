import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { readme } from './readme.ts';

const PACKAGE = join(dirname(fileURLToPath(import.meta.url)), '..');

test('the programs of the README compile, against the package as it is published', { timeout: 60_000 }, () => {
  const programs = [...readme().matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code);
  expect(programs.length).toBeGreaterThan(0);
  mkdirSync(join(PACKAGE, '.turbo'), { recursive: true });
  const folder = mkdtempSync(join(PACKAGE, '.turbo/readme-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [index, code] of programs.entries()) writeFileSync(join(folder, `program-${index}.ts`), code);
  const tsconfig = {
    extends: join(PACKAGE, '../../tsconfig.base.json'),
    compilerOptions: { noEmit: true },
    include: ['*.ts'],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', folder], { stdio: 'inherit' });
});
