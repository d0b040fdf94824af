import { missingServer, runProgram, startKubernetes } from '@micro/test-servers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fileOf, startRuntime } from './world.ts';

const PLUGIN = new URL('../dist/index.js', import.meta.url).href;
const missing = missingServer('kubernetes');

/** Uses a runtime in every way, says `ready`, and stops it when it is told to. */
const PROGRAM = `
  import { once } from 'node:events';
  import { k8sRuntime } from ${JSON.stringify(PLUGIN)};
  const runtime = k8sRuntime({ kubeconfig: process.argv[1], timeoutMs: 5_000, image: 'none' });
  await runtime.start();
  const toTheEnd = async (items) => {
    try {
      for await (const item of items);
    } catch (error) {
      // One that had not begun when the server froze or died says so, which is no reason to stay.
      if (error.code !== 408 && error.code !== 503) throw error;
    }
  };
  const greeter = { name: 'greeter', version: process.argv[2], metadata: {} };
  const watches = [{}, { name: 'greeter' }, { name: 'other' }].map((meant) => toTheEnd(runtime.watch(meant)));
  await runtime.create(greeter);
  await runtime.read();
  const following = toTheEnd(runtime.logs(greeter, { follow: true }));
  console.log('ready');
  await once(process.stdin, 'data');
  process.stdin.destroy();
  await runtime.stop();
  await Promise.all([...watches, following]);
  console.log('stopped');
`;

const title = `a process with a runtime on Kubernetes${missing === undefined ? '' : ` (skipped: ${missing})`}`;

/** Does nothing but watch. */
const WATCH = `
  import { k8sRuntime } from ${JSON.stringify(PLUGIN)};
  const runtime = k8sRuntime({ kubeconfig: process.argv[1], timeoutMs: 5_000 });
  await runtime.start();
  const events = runtime.watch();
  await runtime.delete({ name: 'nobody', version: '1', metadata: {} });
  console.log('ready');
  for await (const { type, workload } of events) {
    console.log(type, workload.name);
    break;
  }
  await runtime.stop();
`;

describe.skipIf(missing !== undefined)(title, { timeout: 240_000 }, () => {
  test('ends by itself when the runtime was stopped, also when the API server is frozen, and when it is dead', async () => {
    const kubernetes = await startKubernetes();
    onTestFinished(() => kubernetes.close());
    const kubeconfig = fileOf(kubernetes.kubeconfig());
    const [one, two, three] = await Promise.all(
      ['1', '2', '3'].map((version) => runProgram(PROGRAM, kubeconfig, version)),
    );
    const ends = async (child: typeof one) => {
      const { code, printed, tookMs } = (await child?.end()) ?? {};
      expect([code, printed]).toEqual([0, 'ready\nstopped\n']);
      expect(tookMs).toBeLessThan(10_000);
    };
    await ends(one);
    kubernetes.freeze();
    await ends(two);
    kubernetes.thaw();
    await kubernetes.kill();
    await ends(three);
  });

  test('stays when it does nothing but watch, while there is nothing to be watched', async () => {
    const kubernetes = await startKubernetes();
    onTestFinished(() => kubernetes.close());
    const child = await runProgram(WATCH, fileOf(kubernetes.kubeconfig()));
    await kubernetes.kill();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await kubernetes.start();
    const runtime = await startRuntime(kubernetes);
    await runtime.create({ name: 'greeter', version: '1', metadata: {} });
    expect(await child.exited).toEqual([0, null]);
    expect(child.printed()).toBe('ready\ncreate greeter\n');
  });
});
