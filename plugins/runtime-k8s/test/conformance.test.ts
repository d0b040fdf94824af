import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Runtime } from '@micro/core';
import { lifecycleCases, runConformance, runtimeCases } from '@micro/core/conformance';
import { missingServer, startKubernetes, type TestKubernetes } from '@micro/test-servers';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { k8sRuntime } from '../src/index.ts';
import { ask } from './ask.ts';
import { startNode, type TestNode } from './node.ts';

const missing = missingServer('kubernetes');
const title = `k8sRuntime on a real API server${missing === undefined ? '' : ` (skipped: ${missing})`}`;

const NEVER_ENDS = 'a Deployment starts again what ended, whether it failed or not: nothing of it is ever stopped';

describe.skipIf(missing !== undefined)(title, { timeout: 90_000 }, () => {
  let kubernetes: TestKubernetes;
  let node: TestNode;
  let folder: string;
  let worlds = 0;
  const kubeconfig = () => join(folder, 'config');
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runtime-k8s-'));
    kubernetes = await startKubernetes();
    writeFileSync(kubeconfig(), kubernetes.kubeconfig());
    node = await startNode(kubernetes);
  }, 120_000);
  afterAll(async () => {
    await node?.close();
    await kubernetes?.close();
    await rm(folder, { recursive: true, force: true });
  });

  describe.concurrent('conforms', () => {
    runConformance({
      test,
      cases: runtimeCases,
      world: async () => {
        const made: Runtime[] = [];
        const namespace = `world-${worlds++}`;
        await ask(kubernetes, '/api/v1/namespaces', { body: { metadata: { name: namespace } } });
        return {
          create() {
            const options = {
              kubeconfig: kubeconfig(),
              namespace,
              createNamespaces: true,
              image: 'node',
              graceMs: 1_000,
            };
            const runtime = k8sRuntime(options);
            made.push(runtime);
            return runtime;
          },
          // What stands after `--` is no option of node.
          program: (code: string, args: readonly string[] = []) => ({
            command: [process.execPath, '-e', code, '--'],
            args,
          }),
          close: async () => {
            await Promise.all(made.map((runtime) => runtime.stop()));
            await ask(kubernetes, `/api/v1/namespaces/${namespace}`, { method: 'DELETE' });
          },
        };
      },
      skip: {
        'what it writes is kept, line by line, and where it wrote it': `the API mixes stdout and stderr; ${NEVER_ENDS}`,
        'the last lines are those that were written last': NEVER_ENDS,
        'arguments and environment arrive as they are, and no shell reads them': NEVER_ENDS,
        'what ends well is stopped, and is not started again': NEVER_ENDS,
        'what fails is in error and says why, and with 0 retries is not started again': NEVER_ENDS,
        'what fails is started again as often as it may be': NEVER_ENDS,
        'stopping ends what runs and whoever follows, and starting again runs it again':
          'workloads belong to the cluster and outlive whoever created them',
      },
    });
  });

  describe('is started and stopped', () => {
    runConformance({
      test,
      cases: lifecycleCases,
      world: () => {
        const made: Runtime[] = [];
        return {
          create() {
            const runtime = k8sRuntime({ kubeconfig: kubeconfig() });
            made.push(runtime);
            return {
              start: () => runtime.start(),
              stop: () => runtime.stop(),
              works: async () => (await runtime.read()).length === 0,
            };
          },
          close: async () => {
            await Promise.all(made.map((runtime) => runtime.stop()));
          },
        };
      },
    });
  });
});
