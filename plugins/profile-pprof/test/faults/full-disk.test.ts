import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CODE } from '@micro/core';
import { expect, inject, test } from 'vitest';
import { readProfile, testFolder } from '../read-profile.ts';

const name = `a profile on a full disk does not start, goes on, and does not end its process${
  process.platform === 'linux' ? '' : ' (skipped: limits the files of a process as Linux does)'
}`;

test.skipIf(process.platform !== 'linux')(name, { timeout: 60_000 }, async () => {
  const folder = testFolder();
  const program = join(inject('programs'), 'full-disk.js');
  const { stdout } = await promisify(execFile)(process.execPath, [program, folder], { timeout: 50_000 });
  expect(JSON.parse(stdout)).toEqual({
    startedFull: CODE.unavailable,
    started: 'done',
    stoppedFull: CODE.unavailable,
    // One for each time that it filled up, and not one for each write.
    warnings: 2,
    left: ['full.mem.pprof'],
  });
  // What was written while there was room is still there, and whole.
  expect(readProfile(join(folder, 'full.mem.pprof')).total).toBeGreaterThan(0);
});
