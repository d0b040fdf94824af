import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Store } from '@micro/core';
import { runConformance, storeCases } from '@micro/core/conformance';
import { {{factory}} } from '../src/index.ts';

// Start {{backend}} here on a free port of its own, or say where one runs: a mock agrees with whoever wrote it.
const address = process.env.{{ENV}}_ADDRESS ?? '127.0.0.1';

runConformance({
  test,
  cases: storeCases,
  // Nothing is published with a method that is not written.
  todo: process.env.npm_lifecycle_event !== 'prepublishOnly',
  // What one world writes, another one must not see. `supports` says what {{backend}} has no place for.
  world() {
    const prefix = `test-${randomUUID()}/`;
    const made: Store[] = [];
    return {
      create() {
        const store = {{factory}}({ address, prefix });
        made.push(store);
        return store;
      },
      async close() {
        await Promise.all(made.map((store) => store.close()));
      },
    };
  },
});
