import { describe, test } from 'vitest';
import { registryCases } from '../../src/conformance/registry.ts';
import { runConformance } from '../../src/conformance/run.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';

describe('memoryRegistry conforms', () => {
  runConformance({
    test,
    cases: registryCases,
    world: () => {
      const registry = memoryRegistry();
      return { create: () => registry, close: () => registry.close() };
    },
  });
});
