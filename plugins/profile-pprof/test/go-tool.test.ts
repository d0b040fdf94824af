import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, inject, test } from 'vitest';
import { startHotService } from './hot-service.ts';
import { testFolder } from './read-profile.ts';

const goMissing = inject('goMissing');
const TEST_MS = 90_000;

const SOURCE = readFileSync(new URL('fixtures/hot-service.ts', import.meta.url), 'utf8').split('\n');
const lineOf = (name: string): number => SOURCE.findIndex((line) => line.startsWith(`function ${name}(`)) + 1;

/** What `go tool pprof -top` prints, and its rows: the share of the value that is a function's own, and what it is. */
async function top(...args: string[]): Promise<{ text: string; rows: { share: number; what: string }[] }> {
  const folder = testFolder();
  const { stdout } = await promisify(execFile)('go', ['tool', 'pprof', '-top', '-lines', ...args], {
    // What it fetches it saves.
    env: { ...process.env, PPROF_TMPDIR: folder },
    timeout: TEST_MS,
  });
  const rows = [...stdout.matchAll(/^ *\S+ +([\d.]+)% +[\d.]+% +\S+ +[\d.]+% +(.+)$/gm)].map(
    ([, share = '', what = '']) => ({ share: Number(share), what }),
  );
  return { text: stdout, rows };
}

const name = `go tool pprof${goMissing === '' ? '' : ` (skipped: ${goMissing})`}`;
describe.skipIf(goMissing !== '').concurrent(name, { timeout: TEST_MS }, () => {
  test('names the hot function of a service that was under load, at its line in the source', async () => {
    await using service = await startHotService({ folder: testFolder() });
    await service.load(2_000);
    expect(await service.end('SIGTERM')).toEqual([0, null]);
    const { text, rows } = await top(service.files.cpu);
    expect(rows[0]?.what).toMatch(new RegExp(`^crunchNumbers .*/hot-service\\.ts:${lineOf('crunchNumbers')}$`));
    // What it takes to start the service is in there too, which on a busy machine is much.
    expect(rows[0]?.share).toBeGreaterThan(25);
    expect(text).toContain('File: hot-service.js');
  });

  test('names the function that hoards memory, at its line in the source', async () => {
    await using service = await startHotService({ folder: testFolder() });
    await service.hoard(300_000);
    expect(await service.end('SIGTERM')).toEqual([0, null]);
    const { text, rows } = await top(service.files.mem);
    const hoarding = rows.filter(({ what }) => what.includes('hot-service.ts:'));
    expect(text).toMatch(new RegExp(`hoardMemory .*/hot-service\\.ts:${lineOf('hoardMemory')}$`, 'm'));
    expect(hoarding.reduce((sum, { share }) => sum + share, 0)).toBeGreaterThan(50);
  });

  test('names the hot function of a service that is under load', async () => {
    await using service = await startHotService({ folder: testFolder(), address: ':0' });
    // Until there is an answer: on a busy machine it takes a while before the question comes. Left alone, the tool waits a
    // second for the answer after those that it has asked for.
    let isAsked = true;
    const load = (async () => {
      while (isAsked) {
        await service.load(100);
        // Reading source maps takes some turns: a service without a rest may not have them in time where others want its core.
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })();
    load.catch(() => {});
    const { rows } = await top('-seconds', '2', '-timeout', '60', `http://${service.door}/debug/pprof/profile`).finally(
      () => {
        isAsked = false;
      },
    );
    expect(rows[0]?.what).toMatch(new RegExp(`^crunchNumbers .*/hot-service\\.ts:${lineOf('crunchNumbers')}$`));
    await load;
  });

  test('reads the memory of a running service', async () => {
    await using service = await startHotService({ folder: testFolder(), address: ':0' });
    await service.hoard(300_000);
    const { rows } = await top(`http://${service.door}/debug/pprof/heap?gc=1`);
    expect(rows.some(({ what }) => what.includes('hot-service.ts:'))).toBe(true);
  });

  test('shows positions of the compiled code where source maps are off', async () => {
    await using service = await startHotService({ folder: testFolder(), sourceMaps: false });
    await service.load(3_000);
    await service.end('SIGTERM');
    const { rows } = await top(service.files.cpu);
    expect(rows[0]?.what).toMatch(/^crunchNumbers .*\/hot-service\.js:\d+$/);
  });
});
