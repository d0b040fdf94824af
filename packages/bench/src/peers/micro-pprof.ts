import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pprofProfile } from '@micro/profile-pprof';
import { profiledMicro } from './micro.ts';

/** `micro` with CPU and heap profiles of both processes, as `@micro/profile-pprof` makes them by default. */
export const microPprof = profiledMicro(() => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-pprof-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return pprofProfile({ folder });
});
