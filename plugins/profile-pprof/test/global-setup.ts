import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder that the programs of `test/fixtures` were compiled to, as a user would: with source maps beside them. */
    readonly programs: string;
    /** A folder for what tests write. */
    readonly scratch: string;
    /** Why `go tool pprof` cannot be asked; `''` when it can. */
    readonly goMissing: string;
  }
}

const PACKAGE = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Newer toolchains build the tool when it is first asked for. */
const TOOL_MS = 180_000;

/** Compiles the programs and looks for Go. Where CI is set, being without Go fails the run. */
export function setup(project: TestProject): () => void {
  mkdirSync(join(PACKAGE, '.turbo'), { recursive: true });
  const folder = mkdtempSync(join(PACKAGE, '.turbo/programs-'));
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', join(PACKAGE, 'test/fixtures/tsconfig.json'), '--outDir', folder], {
    stdio: 'inherit',
  });
  project.provide('programs', join(folder, 'test/fixtures'));
  const scratch = mkdtempSync(join(tmpdir(), 'profile-pprof-'));
  project.provide('scratch', scratch);

  const { status } = spawnSync('go', ['tool', 'pprof', '-help'], { timeout: TOOL_MS, stdio: 'ignore' });
  const missing = status === 0 ? '' : 'needs Go, which this machine does not have';
  if (missing !== '' && (process.env.CI ?? '') !== '') throw new Error(`go tool pprof is required here: ${missing}`);
  project.provide('goMissing', missing);
  return () => {
    for (const made of [folder, scratch]) rmSync(made, { recursive: true, force: true });
  };
}
