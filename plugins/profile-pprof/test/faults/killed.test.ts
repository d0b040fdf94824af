import { readdirSync, rmSync } from 'node:fs';
import { eventually } from '@micro/core/conformance';
import { describe, expect, test } from 'vitest';
import { startHotService } from '../hot-service.ts';
import { readProfile, testFolder } from '../read-profile.ts';

describe.concurrent('a service that dies', () => {
  test('by kill -9 leaves what was written last, in whole files', { timeout: 60_000 }, async () => {
    const folder = testFolder();
    await using service = await startHotService({ folder, flushMs: 500 });
    await eventually(
      async () => {
        await service.load(200);
        expect(readProfile(service.files.cpu).own.get('crunchNumbers')).toBeGreaterThan(0);
      },
      { timeoutMs: 40_000 },
    );
    expect(await service.end('SIGKILL')).toEqual([null, 'SIGKILL']);
    expect(readProfile(service.files.cpu).own.get('crunchNumbers')).toBeGreaterThan(0);
    expect(readProfile(service.files.mem).total).toBeGreaterThan(0);
  });

  test('by kill -9 before anything was written leaves nothing', async () => {
    const folder = testFolder();
    await using service = await startHotService({ folder, flushMs: 0 });
    await service.load(200);
    await service.end('SIGKILL');
    expect(readdirSync(folder)).toEqual([]);
  });
});

test('a folder that is tidied away while the service runs is made again', async () => {
  const folder = testFolder();
  await using service = await startHotService({ folder });
  rmSync(folder, { recursive: true });
  expect(await service.end('SIGTERM')).toEqual([0, null]);
  expect(readdirSync(folder)).toHaveLength(2);
});

test('several services of one program on one host do not overwrite each other', async () => {
  const folder = testFolder();
  const services = await Promise.all([1, 2, 3].map(() => startHotService({ folder })));
  for (const service of services) expect(await service.end('SIGTERM')).toEqual([0, null]);
  expect(readdirSync(folder)).toHaveLength(6);
});

test('a service that writes no files answers at its door, and ends by itself', async () => {
  await using service = await startHotService({ folder: testFolder(), write: false, address: ':0' });
  const answer = await fetch(`http://${service.door}/debug/pprof/profile?seconds=0.2`);
  expect(readProfile(new Uint8Array(await answer.arrayBuffer())).durationMs).toBeGreaterThan(0);
  expect(await service.end('SIGTERM')).toEqual([0, null]);
});
