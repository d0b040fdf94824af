import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '@micro/core';
import { runConformance, storeCases } from '@micro/core/conformance';
import { test } from 'vitest';
import { lmdbStore } from '../src/index.ts';

runConformance({
  test,
  cases: storeCases,
  // What one world writes, another one must not see: each has a folder of its own.
  async world() {
    const path = await mkdtemp(join(tmpdir(), 'store-lmdb-'));
    const made: Store[] = [];
    return {
      create() {
        const store = lmdbStore({ path });
        made.push(store);
        return store;
      },
      async close() {
        await Promise.all(made.map((store) => store.close()));
        await rm(path, { recursive: true, force: true });
      },
    };
  },
});
