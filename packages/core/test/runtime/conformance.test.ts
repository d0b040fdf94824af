import { describe, test } from 'vitest';
import { lifecycleCases } from '../../src/conformance/lifecycle.ts';
import { runConformance } from '../../src/conformance/run.ts';
import { runtimeCases } from '../../src/conformance/runtime.ts';
import type { Runtime } from '../../src/contract/runtime.ts';
import { localRuntime } from '../../src/runtime/local-runtime.ts';

const OPTIONS = { restartPauseMs: 20 };

describe('localRuntime conforms', { timeout: 90_000 }, () => {
  runConformance({
    test,
    cases: runtimeCases,
    world: () => {
      const made: Runtime[] = [];
      return {
        create() {
          const runtime = localRuntime(OPTIONS);
          made.push(runtime);
          return runtime;
        },
        // What stands after `--` is no option of node.
        program: (code, args = []) => ({ command: [process.execPath, '-e', code, '--'], args }),
        close: async () => {
          await Promise.all(made.map((runtime) => runtime.stop()));
        },
      };
    },
  });
});

describe('localRuntime is started and stopped', { timeout: 90_000 }, () => {
  const workload = { name: 'forever', version: '1', metadata: {} };
  runConformance({
    test,
    cases: lifecycleCases,
    world: () => {
      const made: Runtime[] = [];
      return {
        async create() {
          const runtime = localRuntime(OPTIONS);
          made.push(runtime);
          await runtime.create(workload, { command: [process.execPath, '-e', 'setInterval(() => {}, 1000)'] });
          return {
            start: () => runtime.start(),
            stop: () => runtime.stop(),
            works: async () => (await runtime.read())[0]?.status === 'running',
          };
        },
        close: async () => {
          await Promise.all(made.map((runtime) => runtime.stop()));
        },
      };
    },
  });
});
