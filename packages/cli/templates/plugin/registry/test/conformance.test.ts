import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Registry } from '@micro/core';
import { registryCases, runConformance } from '@micro/core/conformance';
import { {{factory}} } from '../src/index.ts';

// Start {{backend}} here on a free port of its own, or say where one runs: a mock agrees with whoever wrote it.
const address = process.env.{{ENV}}_ADDRESS ?? '127.0.0.1';

runConformance({
  test,
  cases: registryCases,
  // Nothing is published with a method that is not written.
  todo: process.env.npm_lifecycle_event !== 'prepublishOnly',
  // What one world registers, another one must not see.
  world() {
    const prefix = `test-${randomUUID()}/`;
    const made: Registry[] = [];
    return {
      create() {
        const registry = {{factory}}({ address, prefix });
        made.push(registry);
        return registry;
      },
      async close() {
        await Promise.all(made.map((registry) => registry.close()));
      },
    };
  },
});
