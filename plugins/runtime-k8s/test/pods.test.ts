import type { RunningWorkload, Runtime } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { missingServer, startKubernetes, type TestKubernetes } from '@micro/test-servers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from './ask.ts';
import { startNode, type TestNode } from './node.ts';
import { role } from './readme.ts';
import { deployments, freshNamespace, list, pods, startRuntime } from './world.ts';

const missing = missingServer('kubernetes');
const title = `the Pods of a workload${missing === undefined ? '' : ` (skipped: ${missing})`}`;
const GREETER = { name: 'greeter', version: '1.0.0', metadata: {} };
/** The node leaves these alone: the test says what becomes of them. */
const BY_HAND = { image: 'by-hand' };

const node = (code: string, ...args: readonly string[]) => ({
  command: [process.execPath, '-e', code, '--'],
  args,
});

describe.skipIf(missing !== undefined)(title, { timeout: 90_000 }, () => {
  let kubernetes: TestKubernetes;
  let machine: TestNode;
  beforeAll(async () => {
    kubernetes = await startKubernetes({ users: ['deployer'] });
    machine = await startNode(kubernetes);
  }, 120_000);
  afterAll(async () => {
    await machine?.close();
    await kubernetes?.close();
  });

  const becomes = (runtime: Runtime, expected: Partial<Record<keyof RunningWorkload, unknown>>) =>
    eventually(async () => expect((await runtime.read())[0]).toMatchObject(expected), { timeoutMs: 30_000 });

  const texts = async (runtime: Runtime, count?: number) => {
    const lines: string[] = [];
    for await (const { message } of runtime.logs(GREETER, { count })) lines.push(message);
    return lines;
  };

  /** The only Pod of a namespace, once it is there. */
  const podOf = (namespace: string) =>
    eventually(
      async () => {
        const [pod] = await list(kubernetes, pods(namespace));
        return String((pod?.metadata as { name?: string } | undefined)?.name ?? expect.unreachable('no pod'));
      },
      { timeoutMs: 30_000 },
    );

  const write = (namespace: string, pod: string, status: object) =>
    ask(kubernetes, `${pods(namespace)}/${pod}/status`, {
      ...{ method: 'PATCH', type: 'application/strategic-merge-patch+json', body: { status } },
    });

  const waiting = (reason: string, message: string, lastState: object = {}) => ({
    phase: 'Pending',
    containerStatuses: [
      {
        ...{ name: 'greeter', image: 'by-hand', imageID: '', ready: false, restartCount: 0 },
        ...{ state: { waiting: { reason, message } }, lastState },
      },
    ],
  });

  test('are pending without a machine, starting on one, running when ready, and stopped when scaled to none', async () => {
    const namespace = await freshNamespace(kubernetes);
    const runtime = await startRuntime(kubernetes, { namespace });
    await runtime.create(GREETER, BY_HAND);
    const pod = await podOf(namespace);
    await becomes(runtime, { status: 'pending' });
    const target = { apiVersion: 'v1', kind: 'Node', name: 'test-node' };
    await ask(kubernetes, `${pods(namespace)}/${pod}/binding`, { body: { metadata: { name: pod }, target } });
    await becomes(runtime, { status: 'starting' });
    const ready = { type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() };
    await write(namespace, pod, { phase: 'Running', conditions: [ready] });
    await becomes(runtime, { status: 'running' });
    const scale = { method: 'PATCH', type: 'application/merge-patch+json', body: { spec: { replicas: 0 } } };
    await ask(kubernetes, `${deployments(namespace)}/greeter-1-0-0/scale`, scale);
    // The node, which has never run it, lets it go.
    await becomes(runtime, { status: 'stopped' });
  });

  test.each([
    ['ErrImagePull', 'no such image', {}, 'ErrImagePull: no such image'],
    ['CreateContainerConfigError', 'secret "x" not found', {}, 'CreateContainerConfigError: secret "x" not found'],
    [
      'CrashLoopBackOff',
      'back-off 5m0s',
      { terminated: { exitCode: 137, reason: 'OOMKilled' } },
      'CrashLoopBackOff: back-off 5m0s, after it ended with code 137 (OOMKilled)',
    ],
  ])('in %s are an error that says why', async (reason, message, lastState, said) => {
    const namespace = await freshNamespace(kubernetes);
    const runtime = await startRuntime(kubernetes, { namespace });
    await runtime.create(GREETER, BY_HAND);
    const pod = await podOf(namespace);
    await write(namespace, pod, waiting(reason, message, lastState));
    await becomes(runtime, { status: 'error', error: `pod ${pod}: ${said}` });
    // An update is new Pods: what is wrong with the old ones counts no more.
    await runtime.update(GREETER, { env: { FIXED: '1' } });
    await becomes(runtime, { status: 'starting' });
  });

  test('that wait for their container are no error', async () => {
    const namespace = await freshNamespace(kubernetes);
    const runtime = await startRuntime(kubernetes, { namespace });
    await runtime.create(GREETER, BY_HAND);
    await write(namespace, await podOf(namespace), waiting('ContainerCreating', ''));
    await becomes(runtime, { status: 'pending' });
    expect((await runtime.read())[0]).not.toHaveProperty('error');
  });

  test('get arguments and variables as they were given, and no shell reads them', async () => {
    const namespace = await freshNamespace(kubernetes);
    const runtime = await startRuntime(kubernetes, { namespace });
    const args = [
      'two words',
      '$HOME',
      '$(GREETING)',
      '$$',
      '; echo no',
      '`id`',
      '"quoted"',
      "it's",
      '*',
      'é 世',
      'true',
    ];
    const GREETING = 'hello = $(HOME) $$; "é": yes';
    const code = `console.log(JSON.stringify([process.argv.slice(1), process.env.GREETING])); setInterval(() => {}, 1000);`;
    await runtime.create(GREETER, { ...node(code, ...args), env: { GREETING } });
    await becomes(runtime, { status: 'running' });
    await eventually(async () => expect(JSON.parse((await texts(runtime))[0] ?? '')).toEqual([args, GREETING]), {
      timeoutMs: 30_000,
    });
  });

  test('have logs that are whole over a crash, of which the last lines are the last', async () => {
    const namespace = await freshNamespace(kubernetes);
    const runtime = await startRuntime(kubernetes, { namespace });
    await runtime.create(
      GREETER,
      node("console.log('one\\n\\nthree é 世'); console.error('oh'); process.exitCode = 3;"),
    );
    await becomes(runtime, { status: 'error', error: expect.stringMatching(/after it ended with code 3 \(Error\)$/) });
    // The container before this one, and this one. Kubernetes keeps no more.
    const once = ['one', '', 'three é 世', 'oh'];
    await eventually(async () => expect((await texts(runtime)).sort()).toEqual([...once, ...once].sort()), {
      timeoutMs: 20_000,
    });
    expect(await texts(runtime, 0)).toEqual([]);
    expect(await texts(runtime, 3)).toHaveLength(3);
  });

  test('are followed as one, also those that come later, by somebody with the role of the README', async () => {
    const namespace = await freshNamespace(kubernetes);
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
    await ask(kubernetes, `${rbac}/roles`, { body: { ...role(), metadata: { name: 'runtime' } } });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'runtime' };
    const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'deployer' }];
    await ask(kubernetes, `${rbac}/rolebindings`, { body: { metadata: { name: 'runtime' }, roleRef, subjects } });
    const runtime = await eventually(
      () => startRuntime(kubernetes, { namespace, user: 'deployer', replicas: 2, graceMs: 1_000 }),
      { timeoutMs: 20_000 },
    );
    await runtime.create(
      GREETER,
      node("console.log('pid', process.pid); setInterval(() => console.log('tick'), 200);"),
    );
    await becomes(runtime, { status: 'running' });
    const seen = new Set<string>();
    const following = (async () => {
      for await (const { message, timestamp } of runtime.logs(GREETER, { follow: true })) {
        seen.add(message);
        expect(Math.abs(timestamp - Date.now())).toBeLessThan(60_000);
      }
    })();
    await eventually(() => expect(seen.size).toBe(3), { timeoutMs: 30_000 });
    const scale = { method: 'PATCH', type: 'application/merge-patch+json', body: { spec: { replicas: 4 } } };
    await ask(kubernetes, `${deployments(namespace)}/greeter-1-0-0/scale`, scale);
    await eventually(() => expect(seen.size).toBe(5), { timeoutMs: 20_000 });
    await runtime.update(GREETER, { env: { NEXT: '1' } });
    await eventually(() => expect(seen.size).toBe(9), { timeoutMs: 30_000 });
    await runtime.delete(GREETER);
    await following;
  });
});
