import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Cache } from '@micro/core';
import { cacheCases, runConformance } from '@micro/core/conformance';
import { {{factory}} } from '../src/index.ts';

// Start {{backend}} here on a free port of its own, or say where one runs: a mock agrees with whoever wrote it.
const address = process.env.{{ENV}}_ADDRESS ?? '127.0.0.1';

runConformance({
  test,
  cases: cacheCases,
  // Nothing is published with a method that is not written.
  todo: process.env.npm_lifecycle_event !== 'prepublishOnly',
  // What one world puts, another one must not see. `supports` says what {{backend}} has no place for.
  world() {
    const prefix = `test-${randomUUID()}/`;
    const made: Cache[] = [];
    return {
      create({ ttlMs } = {}) {
        const cache = {{factory}}({ address, prefix, ttlMs });
        made.push(cache);
        return cache;
      },
      async close() {
        await Promise.all(made.map((cache) => cache.close()));
      },
    };
  },
});
