import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cachedFolder as builtFolder } from '../kubernetes/build.mjs';
import { askHttp, type HttpAnswer, type HttpQuestion } from '../src/ask-http.ts';
import {
  createNamespace,
  missingNamespace,
  missingServer,
  startKubernetes,
  type TestKubernetes,
} from '../src/index.ts';
import { cachedFolder } from '../src/kubernetes-programs.ts';
import { poll } from '../src/poll.ts';
import { named } from './kinds.ts';

const absent = missingServer('kubernetes');
const noNamespace = absent ?? missingNamespace();

const PODS = '/api/v1/namespaces/default/pods';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

function ask(
  { url, token }: TestKubernetes,
  path: string,
  { user = 'admin', ...question }: HttpQuestion & { user?: string } = {},
): Promise<HttpAnswer> {
  return askHttp(`${url}${path}`, {
    timeoutMs: 20_000,
    ...question,
    headers: { authorization: `Bearer ${token(user)}` },
  });
}

function deployment(name: string, replicas: number): unknown {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'none' }] } };
  return { metadata: { name }, spec: { replicas, selector: { matchLabels: labels }, template } };
}

async function countPods(kubernetes: TestKubernetes): Promise<number> {
  const { items } = JSON.parse((await ask(kubernetes, PODS)).text) as { items: readonly unknown[] };
  return items.length;
}

test('the tests look for kube-apiserver where the install script builds it', () => {
  expect(cachedFolder()).toBe(builtFolder());
});

describe.skipIf(absent !== undefined)(named('a Kubernetes API server', absent), () => {
  let kubernetes: TestKubernetes;
  beforeAll(async () => {
    kubernetes = await startKubernetes({ users: ['deployer'] });
  }, 120_000);
  afterAll(() => kubernetes?.close());

  test('lets admin do everything, those without a role nothing, and strangers not in', async () => {
    expect((await ask(kubernetes, PODS)).status).toBe(200);
    expect((await ask(kubernetes, PODS, { user: 'nobody' })).status).toBe(403);
    expect((await ask(kubernetes, PODS, { user: 'deployer' })).status).toBe(403);
    const stranger = await askHttp(`${kubernetes.url}${PODS}`, { headers: { authorization: 'Bearer nonsense' } });
    expect(stranger.status).toBe(401);
    expect(() => kubernetes.token('someone')).toThrow('there is no user someone: there are admin, nobody, deployer');
  });

  test('gives a user the rights of a role that it is bound to', async () => {
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings';
    const body = {
      metadata: { name: 'viewers' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'deployer' }],
    };
    expect((await ask(kubernetes, rbac, { body })).status).toBe(201);
    const allowed = async () => (await ask(kubernetes, PODS, { user: 'deployer' })).status === 200;
    await poll('the rights', 10_000, allowed);
    expect((await ask(kubernetes, DEPLOYMENTS, { user: 'deployer', body: deployment('no', 1) })).status).toBe(403);
  });

  test('has a kubeconfig for each user', () => {
    const config = JSON.parse(kubernetes.kubeconfig('nobody', 'kube-system'));
    expect(config.clusters[0].cluster.server).toBe(kubernetes.url);
    expect(Buffer.from(config.clusters[0].cluster['certificate-authority-data'], 'base64').toString()).toBe(
      kubernetes.ca,
    );
    expect(config.users[0].user.token).toBe(kubernetes.token('nobody'));
    expect(config.contexts[0].context.namespace).toBe('kube-system');
  });

  test('makes the pods of a deployment, and keeps them over a kill and a restart of all its parts', async () => {
    expect((await ask(kubernetes, DEPLOYMENTS, { body: deployment('web', 2) })).status).toBe(201);
    await poll('two pods', 20_000, async () => (await countPods(kubernetes)) === 2);
    await kubernetes.kill();
    await expect(ask(kubernetes, PODS)).rejects.toThrow('ECONNREFUSED');
    await kubernetes.etcd.restart();
    await kubernetes.start();
    await kubernetes.controllerManager.restart();
    expect(await countPods(kubernetes)).toBe(2);
    expect((await ask(kubernetes, DEPLOYMENTS, { body: deployment('more', 1) })).status).toBe(201);
    await poll('a third pod', 30_000, async () => (await countPods(kubernetes)) === 3);
  }, 90_000);

  test('holds a namespace to its quota', async () => {
    const small = '/api/v1/namespaces/small';
    await ask(kubernetes, '/api/v1/namespaces', { body: { metadata: { name: 'small' } } });
    await ask(kubernetes, `${small}/resourcequotas`, {
      body: { metadata: { name: 'q' }, spec: { hard: { pods: '0' } } },
    });
    const body = { metadata: { generateName: 'p-' }, spec: { containers: [{ name: 'main', image: 'none' }] } };
    await poll('the quota', 20_000, async () => {
      const { status, text } = await ask(kubernetes, `${small}/pods`, { body });
      return status === 403 && text.includes('exceeded quota');
    });
  }, 30_000);

  test('answers nothing while it is frozen', async () => {
    kubernetes.freeze();
    await expect(ask(kubernetes, PODS, { timeoutMs: 500 })).rejects.toThrow('did not answer');
    kubernetes.thaw();
    expect((await ask(kubernetes, PODS)).status).toBe(200);
  });

  test('knows nothing of before after a wipe', async () => {
    await expect(kubernetes.start({ wipe: true })).rejects.toThrow('is running already');
    await kubernetes.kill();
    await kubernetes.start({ wipe: true });
    expect(await countPods(kubernetes)).toBe(0);
    expect((await ask(kubernetes, DEPLOYMENTS, { body: deployment('after', 1) })).status).toBe(201);
    await poll('a pod', 20_000, async () => (await countPods(kubernetes)) === 1);
  }, 90_000);
});

describe.skipIf(noNamespace !== undefined)(named('a Kubernetes API server in a namespace', noNamespace), () => {
  test('can be cut off', async () => {
    await using namespace = await createNamespace();
    await using kubernetes = await startKubernetes({ namespace });
    expect((await ask(kubernetes, PODS)).status).toBe(200);
    await namespace.partition();
    await expect(ask(kubernetes, PODS, { timeoutMs: 500 })).rejects.toThrow('did not answer');
    await namespace.heal();
    expect((await ask(kubernetes, PODS, { timeoutMs: 20_000 })).status).toBe(200);
  }, 120_000);
});

test('a user has a name that a token file can hold', async () => {
  if (absent !== undefined) return;
  await expect(startKubernetes({ users: ['a,b'] })).rejects.toThrow('a user cannot be called "a,b"');
});
