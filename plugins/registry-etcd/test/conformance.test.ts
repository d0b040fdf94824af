import { registryCases, runConformance } from '@micro/core/conformance';
import { missingServer, startEtcd, type TestServer } from '@micro/test-servers';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { etcdRegistry } from '../src/index.ts';

const missing = missingServer('etcd');

describe.skipIf(missing !== undefined)(
  `the etcd registry ${missing === undefined ? '' : `(skipped: ${missing})`}`,
  () => {
    let etcd: TestServer;
    let worlds = 0;
    beforeAll(async () => {
      etcd = await startEtcd();
    });
    afterAll(() => etcd.close());

    runConformance({
      test: it,
      cases: registryCases,
      world: () => {
        const prefix = `/world-${++worlds}/`;
        const made: ReturnType<typeof etcdRegistry>[] = [];
        return {
          create() {
            const registry = etcdRegistry({ hosts: etcd.url, prefix });
            made.push(registry);
            return registry;
          },
          async close() {
            await Promise.all(made.map((registry) => registry.close()));
          },
        };
      },
    });
  },
);
