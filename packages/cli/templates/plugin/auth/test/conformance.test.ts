import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { authCases, runConformance } from '@micro/core/conformance';
import { {{factory}} } from '../src/index.ts';

// Start {{backend}} here on a free port of its own, or say where one runs: a mock agrees with whoever wrote it.
const address = process.env.{{ENV}}_ADDRESS ?? '127.0.0.1';

runConformance({
  test,
  cases: authCases,
  // Nothing is published with a method that is not written.
  todo: process.env.npm_lifecycle_event !== 'prepublishOnly',
  // Providers of one world accept the tokens of each other, and know nothing of another world.
  world() {
    const namespace = `test-${randomUUID()}`;
    return { create: () => {{factory}}({ address, namespace }) };
  },
});
