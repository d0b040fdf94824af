import { describe, test } from 'vitest';
import { registryCases } from '../../src/conformance/registry.ts';
import { runConformance } from '../../src/conformance/run.ts';
import type { Registry } from '../../src/contract/registry.ts';
import { mdnsRegistry } from '../../src/registry/mdns-registry.ts';

let worlds = 0;

describe('mdnsRegistry conforms', () => {
  runConformance({
    test,
    cases: registryCases,
    world: () => {
      const domain = `world-${process.pid}-${++worlds}`;
      const made: Registry[] = [];
      return {
        supports: { serviceMetadata: false },
        create: () => {
          const registry = mdnsRegistry({ interface: '127.0.0.1', port: 45_353, domain });
          made.push(registry);
          return registry;
        },
        close: async () => {
          for (const registry of made) await registry.close();
        },
      };
    },
  });
});
