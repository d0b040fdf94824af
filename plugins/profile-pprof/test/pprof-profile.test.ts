import { mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CODE, initService, memoryRegistry, silentLogger } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { describe, expect, test } from 'vitest';
import { type PprofProfile, type PprofProfileOptions, plugin, pprofProfile } from '../src/index.ts';
import { burnHere, hottest, readProfile, testFolder } from './read-profile.ts';

/** Starts a profile, does something, and stops it. */
async function measured(options: PprofProfileOptions, work: () => unknown): Promise<PprofProfile> {
  const profile = pprofProfile(options);
  await profile.start();
  try {
    await work();
  } finally {
    await profile.stop();
  }
  return profile;
}

describe('the files of a pprof profile', () => {
  test('say what ran', async () => {
    const { files } = await measured({ folder: testFolder() }, () => burnHere(600));
    const cpu = readProfile(files.cpu ?? '');
    expect(cpu.kinds).toEqual(['sample in count', 'wall in nanoseconds']);
    expect(hottest(cpu)).toBe('burnHere');
    expect(cpu.durationMs).toBeGreaterThan(500);
  });

  test('say what is held', async () => {
    const held: unknown[] = [];
    const hold = () => {
      for (let index = 0; index < 100_000; index++) held.push({ index, texts: [`${index}`] });
    };
    const { files } = await measured({ folder: testFolder() }, hold);
    expect(held).toHaveLength(100_000);
    const mem = readProfile(files.mem ?? '');
    expect(mem.kinds).toEqual(['inuse_objects in count', 'inuse_space in bytes']);
    expect(mem.own.get('hold')).toBeGreaterThan(1_000_000);
  });

  test('hold nothing that was free when it stopped', async () => {
    const waste = () => {
      const kept = [];
      for (let index = 0; index < 300_000; index++) kept.push({ index, texts: [`${index}`] });
      return kept.length;
    };
    const { files } = await measured({ folder: testFolder(), cpuIntervalMs: 0 }, waste);
    expect(readProfile(files.mem ?? '').own.get('waste') ?? 0).toBeLessThan(1_000_000);
  });

  test('have go-micro’s names after the one that was given', async () => {
    const folder = testFolder();
    await measured({ folder, name: 'greeter' }, () => {});
    expect(readdirSync(folder).sort()).toEqual(['greeter.cpu.pprof', 'greeter.mem.pprof']);
    const bare = testFolder();
    await measured({ folder: bare, name: '' }, () => {});
    expect(readdirSync(bare).sort()).toEqual(['cpu.pprof', 'mem.pprof']);
  });

  test('have names of their own when none was given, in the folder for temporary files', () => {
    const names = [pprofProfile(), pprofProfile(), plugin.create({}, {}), plugin.create({ server_name: 'a' }, {})].map(
      (profile) => (profile as PprofProfile).files.cpu ?? '',
    );
    expect(new Set(names).size).toBe(4);
    for (const name of names) {
      expect(dirname(name)).toBe(tmpdir());
      expect(basename(name)).toMatch(new RegExp(`-${process.pid}-[0-9a-f]{6}\\.cpu\\.pprof$`));
    }
  });

  test('can be read by their owner alone', async () => {
    const { files } = await measured({ folder: testFolder() }, () => {});
    if (process.platform === 'win32') return;
    expect([files.cpu, files.mem].map((file) => statSync(file ?? '').mode & 0o777)).toEqual([0o600, 0o600]);
  });

  test('are made in a folder that is made for them', async () => {
    const folder = join(testFolder(), 'a', 'b');
    await measured({ folder, name: 'x' }, () => {});
    expect(readdirSync(folder)).toHaveLength(2);
  });

  test('are written while it runs, and nothing is lost by that', async () => {
    const folder = testFolder();
    const profile = pprofProfile({ folder, name: 'x', flushMs: 100 });
    await profile.start();
    const early = await eventually(
      () => {
        burnHere(100);
        const read = readProfile(join(folder, 'x.cpu.pprof'));
        expect(read.own.get('burnHere')).toBeGreaterThan(0);
        return read;
      },
      { timeoutMs: 15_000, everyMs: 50 },
    );
    burnHere(500);
    await profile.stop();
    const late = readProfile(join(folder, 'x.cpu.pprof'));
    expect(late.own.get('burnHere')).toBeGreaterThan(early.own.get('burnHere') ?? 0);
    expect(late.durationMs).toBeGreaterThan(early.durationMs + 450);
    expect(readdirSync(folder).sort()).toEqual(['x.cpu.pprof', 'x.mem.pprof']);
  });

  test('of a measurement that is off are not there', async () => {
    const folder = testFolder();
    const cpu = await measured({ folder, name: 'a', heapIntervalBytes: 0 }, () => {});
    const mem = await measured({ folder, name: 'b', cpuIntervalMs: 0 }, () => {});
    expect([cpu.files, mem.files]).toEqual([
      { cpu: join(folder, 'a.cpu.pprof') },
      { mem: join(folder, 'b.mem.pprof') },
    ]);
    expect(readdirSync(folder).sort()).toEqual(['a.cpu.pprof', 'b.mem.pprof']);
  });

  test('begin anew when it is started again', async () => {
    const profile = pprofProfile({ folder: testFolder() });
    await profile.start();
    burnHere(300);
    await profile.stop();
    expect(readProfile(profile.files.cpu ?? '').own.get('burnHere')).toBeGreaterThan(0);
    await profile.start();
    await profile.stop();
    expect(readProfile(profile.files.cpu ?? '').own.get('burnHere')).toBeUndefined();
  });
});

describe('several pprof profiles in one process', () => {
  test('each see their own time, and none overwrites another', async () => {
    const folder = testFolder();
    const first = pprofProfile({ folder });
    const second = pprofProfile({ folder });
    const begun = performance.now();
    await first.start();
    burnHere(300);
    await second.start();
    const secondBegun = performance.now();
    burnHere(300);
    await first.stop();
    const firstMs = performance.now() - begun;
    burnHere(300);
    await second.stop();
    const secondMs = performance.now() - secondBegun;
    expect(readdirSync(folder)).toHaveLength(4);
    for (const [{ files }, ms] of [
      [first, firstMs],
      [second, secondMs],
    ] as const) {
      const burned = (readProfile(files.cpu ?? '').own.get('burnHere') ?? 0) / 1e6;
      // Two of three stretches; a busy machine takes away, but does not add.
      expect(burned).toBeGreaterThan(30);
      expect(burned).toBeLessThan(ms + 50);
    }
  });

  test('have to measure in the same way', async () => {
    const folder = testFolder();
    const first = pprofProfile({ folder });
    await first.start();
    await expect(pprofProfile({ folder, cpuIntervalMs: 5 }).start()).rejects.toMatchObject({
      code: CODE.conflict,
      detail: expect.stringContaining('cpuIntervalMs is 5, but another profile of this process measures with 10'),
    });
    await expect(pprofProfile({ folder, heapIntervalBytes: 4_096 }).start()).rejects.toMatchObject({
      code: CODE.conflict,
      detail: expect.stringContaining('heapIntervalBytes is 4096'),
    });
    await first.stop();
    // What could not start left nothing behind that still measures.
    await measured({ folder, cpuIntervalMs: 5, heapIntervalBytes: 4_096 }, () => {});
  });

  test('have to have different names, as long as they run', async () => {
    const folder = testFolder();
    const first = pprofProfile({ folder, name: 'a' });
    const second = pprofProfile({ folder, name: 'a' });
    await first.start();
    await expect(second.start()).rejects.toMatchObject({
      code: CODE.conflict,
      detail: expect.stringContaining('a.cpu.pprof is written by another profile of this process'),
    });
    await first.stop();
    await second.start();
    await second.stop();
  });

  test('say so when something else uses the profiler', async () => {
    const { time } = await import('@datadog/pprof');
    time.start({ intervalMicros: 10_000 });
    try {
      await expect(pprofProfile({ folder: testFolder() }).start()).rejects.toMatchObject({
        code: CODE.conflict,
        detail: expect.stringMatching(/cpu profiler cannot be started.*already started/),
      });
    } finally {
      time.stop();
    }
    await measured({ folder: testFolder() }, () => {});
  });
});

describe('a pprof profile that cannot write', () => {
  test('does not start where the folder is none', async () => {
    const file = join(testFolder(), 'file');
    writeFileSync(file, '');
    await expect(pprofProfile({ folder: file }).start()).rejects.toMatchObject({
      code: CODE.unavailable,
      detail: expect.stringContaining(file),
    });
  });

  test('does not start where a folder or a link has the name of a file', async () => {
    const folder = testFolder();
    mkdirSync(join(folder, 'a.cpu.pprof'));
    writeFileSync(join(folder, 'secret'), 'untouched');
    symlinkSync(join(folder, 'secret'), join(folder, 'b.mem.pprof'));
    for (const name of ['a', 'b']) {
      await expect(pprofProfile({ folder, name }).start()).rejects.toMatchObject({
        code: CODE.conflict,
        detail: expect.stringContaining('is no file'),
      });
    }
  });
});

test('a service finds it by the name that a flag gives', async () => {
  const folder = testFolder();
  const service = await initService(
    { name: 'greeter', registry: memoryRegistry(), logger: silentLogger(), server: { address: '127.0.0.1:0' } },
    {
      argv: ['--profile=pprof', '--server_name=flagged'],
      env: {},
      project: fileURLToPath(new URL('..', import.meta.url)),
    },
  );
  const profile = service.components.profile as PprofProfile;
  expect(profile.name).toBe('pprof');
  const { cpu = '', mem = '' } = profile.files;
  expect(basename(cpu)).toMatch(/^flagged-\d+-/);
  try {
    await service.start();
    await service.stop();
    renameSync(cpu, join(folder, 'cpu'));
    expect(readProfile(join(folder, 'cpu')).durationMs).toBeGreaterThan(0);
  } finally {
    for (const file of [cpu, mem]) rmSync(file, { force: true });
  }
});

describe('options that make no sense', () => {
  test.each<[PprofProfileOptions, string]>([
    [{ name: '../../etc/passwd' }, 'name "../../etc/passwd" cannot begin the name of a file'],
    [{ name: 'a\0' }, 'cannot begin'],
    [{ name: 'a'.repeat(101) }, 'cannot begin'],
    [{ folder: '' }, 'folder is ""'],
    [{ cpuIntervalMs: -1 }, 'cpuIntervalMs is -1'],
    [{ cpuIntervalMs: Number.NaN }, 'cpuIntervalMs is null'],
    [{ heapIntervalBytes: 5 }, 'heapIntervalBytes is 5'],
    [{ flushMs: 1e12 }, 'flushMs is 1000000000000'],
    [{ maxLiveMs: -5 }, 'maxLiveMs is -5'],
    [{ cpuIntervalMs: 0, heapIntervalBytes: 0 }, 'nothing would be measured'],
    [{ write: false }, 'nobody could see a profile'],
  ])('%j is refused', (options, detail) => {
    expect(() => pprofProfile(options)).toThrow(
      expect.objectContaining({ code: CODE.badRequest, detail: expect.stringContaining(detail) }),
    );
  });

  test('a service may be called what no file can be', async () => {
    const { files } = (await plugin.create(
      { server_name: '../go.micro/srv' },
      { logger: silentLogger() },
    )) as PprofProfile;
    expect(basename(files.cpu ?? '')).toMatch(/^\.\.-go\.micro-srv-/);
    expect(dirname(files.cpu ?? '')).toBe(tmpdir());
  });
});
