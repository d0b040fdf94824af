import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Lifecycle, lifecycleCases, profileCases, runConformance } from '@micro/core/conformance';
import { describe, test } from 'vitest';
import { type PprofProfile, pprofProfile } from '../src/index.ts';

async function makeWorld() {
  const folder = await mkdtemp(join(tmpdir(), 'pprof-'));
  const made: PprofProfile[] = [];
  return {
    folder,
    create(address?: string): PprofProfile {
      const profile = pprofProfile({ folder, address });
      made.push(profile);
      return profile;
    },
    async close() {
      await Promise.all(made.map((profile) => profile.stop()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

describe('a pprof profile', () => {
  runConformance({
    test,
    cases: profileCases,
    async world() {
      const { folder, create, close } = await makeWorld();
      return { create: () => create(), written: async () => (await readdir(folder)).length, close };
    },
  });
});

describe('a pprof profile with a door', () => {
  runConformance({
    test,
    cases: lifecycleCases,
    async world() {
      const { create, close } = await makeWorld();
      return {
        create(): Lifecycle {
          const profile = create('127.0.0.1:0');
          return {
            start: profile.start,
            stop: profile.stop,
            works: async () => (await fetch(`http://${profile.address}/debug/pprof/`)).status === 200,
          };
        },
        close,
      };
    },
  });
});
