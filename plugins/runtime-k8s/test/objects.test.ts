import { eventually } from '@micro/core/conformance';
import { missingServer, startKubernetes, type TestKubernetes } from '@micro/test-servers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from './ask.ts';
import { role } from './readme.ts';
import { deployments, fileOf, freshNamespace, list, pods, refusal, services, startRuntime } from './world.ts';

const missing = missingServer('kubernetes');
const title = `the objects of a workload${missing === undefined ? '' : ` (skipped: ${missing})`}`;
const GREETER = { name: 'greeter', version: '1.0.0', metadata: {} };
const APPLY = 'application/apply-patch+yaml';

describe.skipIf(missing !== undefined)(title, { timeout: 60_000 }, () => {
  let kubernetes: TestKubernetes;
  beforeAll(async () => {
    kubernetes = await startKubernetes({ users: ['deployer', 'other'] });
  }, 120_000);
  afterAll(() => kubernetes?.close());

  const read = async (namespace: string) => ({
    deployment: (await ask(kubernetes, `${deployments(namespace)}/greeter-1-0-0`)) as never as Deployment,
    service: (await ask(kubernetes, `${services(namespace)}/greeter-1-0-0`)) as never as Service,
  });

  test('a workload is a Deployment and a Service, with the names, labels and annotations of go-micro', async () => {
    const namespace = await freshNamespace(kubernetes);
    const runtime = await startRuntime(kubernetes, {
      namespace,
      replicas: 2,
      graceMs: 45_500,
      serviceAccount: 'greeters',
      resources: { requests: { cpu: '250m' }, limits: { memory: '128Mi' } },
    });
    const workload = { ...GREETER, name: 'Greeter', source: 'shop/greeter:1', metadata: { team: 'greetings' } };
    await runtime.create(workload, { command: ['serve'], args: ['--fast'], env: { GREETING: 'hello' } });
    const { deployment, service } = await read(namespace);
    const labels = { name: 'greeter', version: '1-0-0', micro: 'service' };
    const annotations = {
      ...{ team: 'greetings', name: 'Greeter', version: '1.0.0' },
      ...{ source: 'shop/greeter:1', owner: 'micro', group: 'micro' },
    };
    expect(deployment.metadata).toMatchObject({ labels, annotations });
    expect(deployment.spec).toMatchObject({ replicas: 2, selector: { matchLabels: labels } });
    const { template } = deployment.spec;
    expect(template.metadata.labels).toEqual(labels);
    expect(template.metadata.annotations).toMatchObject(annotations);
    expect(template.spec).toMatchObject({ terminationGracePeriodSeconds: 46, serviceAccountName: 'greeters' });
    expect(template.spec.containers).toMatchObject([
      {
        name: 'greeter',
        image: 'shop/greeter:1',
        command: ['serve'],
        args: ['--fast'],
        env: [
          { name: 'MICRO_SERVER_ADDRESS', value: ':8080' },
          { name: 'GREETING', value: 'hello' },
        ],
        ports: [{ name: 'service-port', containerPort: 8080 }],
        readinessProbe: { httpGet: { path: '/health/ready', port: 8080 } },
        livenessProbe: { httpGet: { path: '/health/live', port: 8080 } },
        resources: { requests: { cpu: '250m' }, limits: { memory: '128Mi' } },
      },
    ]);
    expect(service.metadata).toMatchObject({ labels, annotations });
    expect(service.spec).toMatchObject({
      type: 'ClusterIP',
      selector: labels,
      ports: [{ name: 'service-port', port: 8080, targetPort: 8080, protocol: 'TCP' }],
    });
    expect((await runtime.read())[0]).toMatchObject({ ...workload, name: 'Greeter' });
  });

  test('without a port there is no Service and no probe, and an update that has none any more deletes it', async () => {
    const namespace = await freshNamespace(kubernetes);
    const withPort = await startRuntime(kubernetes, { namespace });
    const without = await startRuntime(kubernetes, { namespace, port: 0 });
    await without.create({ ...GREETER, version: '2.0.0' });
    expect(await list(kubernetes, services(namespace))).toEqual([]);
    await withPort.create(GREETER);
    expect(await list(kubernetes, services(namespace))).toHaveLength(1);
    await without.update(GREETER);
    expect(await list(kubernetes, services(namespace))).toEqual([]);
    for (const one of (await list(kubernetes, deployments(namespace))) as never as readonly Deployment[]) {
      expect(one.spec.template.spec.containers[0]).not.toHaveProperty('ports');
      expect(one.spec.template.spec.containers[0]).not.toHaveProperty('readinessProbe');
    }
    await withPort.update(GREETER);
    expect(await list(kubernetes, services(namespace))).toHaveLength(1);
  });

  test('an update changes what it says, drops what it says no more, and leaves the rest', async () => {
    const namespace = await freshNamespace(kubernetes);
    const runtime = await startRuntime(kubernetes, { namespace });
    const options = { image: 'one', command: ['serve'], args: ['--fast', '$(A) $$'], env: { A: '1', B: '$(A)' } };
    await runtime.create({ ...GREETER, metadata: { team: 'red', zone: 'eu' } }, options);
    const uid = (await read(namespace)).deployment.metadata.uid;
    await runtime.update({ ...GREETER, metadata: { team: 'blue' } }, { image: 'two' });
    let { deployment } = await read(namespace);
    expect(deployment.metadata.uid).toBe(uid);
    expect(deployment.metadata.annotations).toMatchObject({ team: 'blue' });
    expect(deployment.metadata.annotations).not.toHaveProperty('zone');
    expect(deployment.spec.template.metadata.annotations).toHaveProperty('updated', expect.stringMatching(/^\d{10}$/));
    const [before] = deployment.spec.template.spec.containers;
    expect(before).toMatchObject({ image: 'two', command: ['serve'], args: ['--fast', '$$(A) $$$$'] });
    expect(before?.env).toEqual([
      { name: 'MICRO_SERVER_ADDRESS', value: ':8080' },
      { name: 'A', value: '1' },
      { name: 'B', value: '$$(A)' },
    ]);
    await runtime.update(GREETER, { command: ['other'], env: { A: '2', MICRO_SERVER_ADDRESS: ':9' } });
    ({ deployment } = await read(namespace));
    const [after] = deployment.spec.template.spec.containers;
    expect(after).toMatchObject({ image: 'two', command: ['other'] });
    expect(after).not.toHaveProperty('args');
    expect(new Map(after?.env.map(({ name, value }) => [name, value]))).toEqual(
      new Map([
        ['A', '2'],
        ['MICRO_SERVER_ADDRESS', ':9'],
      ]),
    );
    expect((await runtime.read())[0]?.metadata).toEqual({});
  });

  test('a source that changes is another image, and one that was read and is written back is not', async () => {
    const namespace = await freshNamespace(kubernetes);
    const runtime = await startRuntime(kubernetes, { namespace });
    const image = async () => (await read(namespace)).deployment.spec.template.spec.containers[0]?.image;
    await runtime.create({ ...GREETER, source: 'a-folder' }, { image: 'one' });
    const [found] = await runtime.read();
    await runtime.update(found ?? GREETER);
    expect(await image()).toBe('one');
    await runtime.update({ ...GREETER, source: 'two' });
    expect(await image()).toBe('two');
  });

  test('an update keeps what others have set, and what they scale', async () => {
    const namespace = await freshNamespace(kubernetes);
    const runtime = await startRuntime(kubernetes, { namespace });
    await runtime.create(GREETER, { env: { A: '1' } });
    const path = `${deployments(namespace)}/greeter-1-0-0`;
    const scale = { method: 'PATCH', type: 'application/merge-patch+json', body: { spec: { replicas: 3 } } };
    await ask(kubernetes, `${path}/scale?fieldManager=scaler`, scale);
    const theirs = {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment' },
      metadata: { name: 'greeter-1-0-0', annotations: { 'example.com/team': 'theirs' }, labels: { cost: 'high' } },
      spec: { template: { spec: { containers: [{ name: 'greeter', env: [{ name: 'THEIRS', value: 'x' }] }] } } },
    };
    await ask(kubernetes, `${path}?fieldManager=theirs`, { method: 'PATCH', type: APPLY, body: theirs });
    await runtime.update({ ...GREETER, metadata: { zone: 'eu' } }, { env: { B: '2' } });
    const { deployment } = await read(namespace);
    expect(deployment.spec.replicas).toBe(3);
    expect(deployment.metadata).toMatchObject({
      annotations: { 'example.com/team': 'theirs', zone: 'eu' },
      labels: { cost: 'high', micro: 'service' },
    });
    const names = deployment.spec.template.spec.containers[0]?.env.map(({ name }) => name);
    expect(names?.sort()).toEqual(['B', 'MICRO_SERVER_ADDRESS', 'THEIRS']);
    expect((await runtime.read())[0]?.metadata).toEqual({ zone: 'eu' });
  });

  test('who changes what another manager has set is told who, and takes it over only by force', async () => {
    const namespace = await freshNamespace(kubernetes);
    const runtime = await startRuntime(kubernetes, { namespace });
    await runtime.create(GREETER, { image: 'one' });
    const path = `${deployments(namespace)}/greeter-1-0-0`;
    const body = { spec: { template: { spec: { containers: [{ name: 'greeter', image: 'hotfix' }] } } } };
    const type = 'application/strategic-merge-patch+json';
    await ask(kubernetes, `${path}?fieldManager=kubectl-set`, { method: 'PATCH', type, body });
    // What is theirs stays theirs as long as nobody says otherwise.
    await runtime.update(GREETER);
    expect((await read(namespace)).deployment.spec.template.spec.containers[0]?.image).toBe('hotfix');
    const { code, detail } = await refusal(runtime.update(GREETER, { image: 'two' }));
    expect(code).toBe(409);
    expect(detail).toMatch(/"kubectl-set" manages \.spec\.template\.spec\.containers\[name="greeter"\]\.image/);
    expect(detail).toMatch(/take it over with the option force$/);
    const forceful = await startRuntime(kubernetes, { namespace, force: true });
    await forceful.update(GREETER, { image: 'two' });
    expect((await read(namespace)).deployment.spec.template.spec.containers[0]?.image).toBe('two');
    await runtime.update(GREETER, { image: 'three' });
  });

  test('of two runtimes that create a workload at once, one does', async () => {
    const namespace = await freshNamespace(kubernetes);
    const runtimes = await Promise.all([1, 2, 3].map(() => startRuntime(kubernetes, { namespace })));
    const results = await Promise.allSettled(runtimes.map((runtime) => runtime.create(GREETER)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(results.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []))).toEqual([409, 409]);
    expect(await list(kubernetes, services(namespace))).toHaveLength(1);
  });

  test('where the Service cannot be made, the Deployment is taken back', async () => {
    const namespace = await freshNamespace(kubernetes);
    const runtime = await startRuntime(kubernetes, { namespace });
    const body = { metadata: { name: 'greeter-1-0-0' }, spec: { ports: [{ port: 1 }] } };
    await ask(kubernetes, services(namespace), { body });
    const { code, detail } = await refusal(runtime.create(GREETER));
    expect([code, detail]).toEqual([409, expect.stringContaining('services "greeter-1-0-0" already exists')]);
    expect(await list(kubernetes, deployments(namespace))).toEqual([]);
    expect(await list(kubernetes, services(namespace))).toHaveLength(1);
  });

  test('what only looks like the workload to Kubernetes is neither updated nor deleted', async () => {
    const namespace = await freshNamespace(kubernetes);
    const runtime = await startRuntime(kubernetes, { namespace });
    await runtime.create({ ...GREETER, name: 'shop-greeter', version: '1' });
    const twins = [
      { ...GREETER, name: 'shop', version: 'greeter-1' },
      { ...GREETER, name: 'Shop-Greeter', version: '1' },
    ];
    for (const twin of twins) {
      expect((await refusal(runtime.create(twin))).code).toBe(409);
      expect((await refusal(runtime.update(twin))).code).toBe(404);
      await runtime.delete(twin);
      expect(await runtime.read({ name: twin.name })).toEqual([]);
    }
    expect(await runtime.read()).toHaveLength(1);
    const metadata = { name: 'mine-1' };
    const labels = { app: 'mine' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'mine', image: 'none' }] } };
    const body = { metadata, spec: { replicas: 0, selector: { matchLabels: labels }, template } };
    await ask(kubernetes, deployments(namespace), { body });
    const mine = { ...GREETER, name: 'mine', version: '1' };
    await runtime.delete(mine);
    expect((await refusal(runtime.update(mine))).code).toBe(404);
    expect(await list(kubernetes, deployments(namespace))).toHaveLength(2);
  });

  test('a delete takes both, also when one of them is gone already', async () => {
    const namespace = await freshNamespace(kubernetes);
    const runtime = await startRuntime(kubernetes, { namespace });
    for (const path of [services(namespace), deployments(namespace)]) {
      await runtime.create(GREETER);
      await ask(kubernetes, `${path}/greeter-1-0-0`, { method: 'DELETE' });
      await runtime.delete(GREETER);
      expect(await list(kubernetes, deployments(namespace))).toEqual([]);
      expect(await list(kubernetes, services(namespace))).toEqual([]);
    }
  });

  test('what go-micro has made is read, updated and deleted', async () => {
    const namespace = await freshNamespace(kubernetes);
    const labels = { name: 'greeter', version: '1-0-0', micro: 'service' };
    const annotations = { name: 'greeter', version: '1.0.0', source: 's', owner: 'micro', group: 'micro', team: 'go' };
    const metadata = { name: 'greeter-1-0-0', labels, annotations };
    const container = { name: 'greeter', image: 'micro/go-micro', command: ['go', 'run', '.'] };
    const template = { metadata: { labels, annotations }, spec: { containers: [container] } };
    const deployment = { metadata, spec: { selector: { matchLabels: labels }, template } };
    await ask(kubernetes, deployments(namespace), { body: deployment });
    const service = { metadata, spec: { selector: labels, ports: [{ name: 'service-port', port: 8080 }] } };
    await ask(kubernetes, services(namespace), { body: service });
    const runtime = await startRuntime(kubernetes, { namespace });
    await eventually(async () =>
      expect(await runtime.read()).toMatchObject([{ ...GREETER, source: 's', metadata: { team: 'go' } }]),
    );
    await runtime.update({ ...GREETER, source: 's' }, { env: { A: '1' } });
    const [found] = (await read(namespace)).deployment.spec.template.spec.containers;
    expect(found).toMatchObject({
      command: ['go', 'run', '.'],
      env: [{ name: 'MICRO_SERVER_ADDRESS' }, { name: 'A' }],
    });
    await runtime.delete(GREETER);
    expect(await list(kubernetes, deployments(namespace))).toEqual([]);
    expect(await list(kubernetes, services(namespace))).toEqual([]);
  });

  test('a namespace that is missing is named, and made when it may be', async () => {
    const runtime = await startRuntime(kubernetes);
    const { code, detail } = await refusal(runtime.create(GREETER, { namespace: 'nowhere' }));
    expect([code, detail]).toEqual([
      404,
      expect.stringContaining('no namespace nowhere: make it, or set createNamespaces'),
    ]);
    const maker = await startRuntime(kubernetes, { createNamespaces: true });
    await maker.create(GREETER, { namespace: 'nowhere' });
    expect(await runtime.read({ namespace: 'nowhere' })).toHaveLength(1);
  });

  test('a quota is named: of Deployments when one is created, of Pods in the state of the workload', async () => {
    const namespace = await freshNamespace(kubernetes);
    const runtime = await startRuntime(kubernetes, { namespace });
    const quota = (name: string, hard: object) =>
      ask(kubernetes, `/api/v1/namespaces/${namespace}/resourcequotas`, {
        body: { metadata: { name }, spec: { hard } },
      });
    await quota('few', { 'count/deployments.apps': '1', pods: '0' });
    // The quota holds as soon as it was counted.
    await eventually(
      async () => {
        const [found] = await list(kubernetes, `/api/v1/namespaces/${namespace}/resourcequotas`);
        expect(found?.status).toMatchObject({ used: { pods: '0' } });
      },
      { timeoutMs: 20_000 },
    );
    await runtime.create(GREETER);
    const inError = { status: 'error', error: expect.stringContaining('exceeded quota: few') };
    await eventually(async () => expect(await runtime.read()).toMatchObject([inError]), { timeoutMs: 20_000 });
    const { code, detail } = await refusal(runtime.create({ ...GREETER, version: '2.0.0' }));
    expect(code).toBe(429);
    expect(detail).toMatch(/exceeded quota: few.*raise the quota, or delete what is not needed$/);
  });

  test('who may not is told what is missing, and the role of the README is enough', async () => {
    const namespace = await freshNamespace(kubernetes);
    expect(await refusal(startRuntime(kubernetes, { namespace, user: 'nobody' }))).toMatchObject({
      code: 403,
      detail: expect.stringMatching(/cannot list resource "deployments".*bind a role that allows it/),
    });
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
    await ask(kubernetes, `${rbac}/roles`, { body: { ...role(), metadata: { name: 'micro-runtime' } } });
    const body = {
      metadata: { name: 'micro-runtime' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'micro-runtime' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'deployer' }],
    };
    await ask(kubernetes, `${rbac}/rolebindings`, { body });
    const runtime = await eventually(() => startRuntime(kubernetes, { namespace, user: 'deployer' }), {
      timeoutMs: 20_000,
    });
    const seen: string[] = [];
    const end = new AbortController();
    const watching = (async () => {
      for await (const { type } of runtime.watch({ signal: end.signal })) seen.push(type);
    })();
    await runtime.create(GREETER);
    await runtime.update(GREETER, { env: { A: '1' } });
    for await (const _ of runtime.logs(GREETER));
    await runtime.delete(GREETER);
    await eventually(() => expect(seen.at(-1)).toBe('delete'));
    end.abort();
    await watching;
    const elsewhere = await refusal(runtime.create(GREETER, { namespace: 'default' }));
    expect([elsewhere.code, elsewhere.detail]).toEqual([403, expect.stringContaining('in the namespace "default"')]);
  });

  test('a token that nobody knows is a 401 that says where to look', async () => {
    const config = kubernetes.kubeconfig().replaceAll(kubernetes.token('admin'), 'nonsense');
    const error = await refusal(startRuntime(kubernetes, { kubeconfig: fileOf(config) }));
    expect([error.code, error.detail]).toEqual([
      401,
      expect.stringContaining('check the token or the client certificate'),
    ]);
    expect(error.detail).not.toContain('nonsense');
  });

  test('what the API server does not accept is a 400 that says why', async () => {
    const namespace = await freshNamespace(kubernetes);
    const runtime = await startRuntime(kubernetes, { namespace, resources: { limits: { cpu: 'plenty' } } });
    const { code, detail } = await refusal(runtime.create(GREETER, { env: { SECRET: 'hunter2' } }));
    expect([code, detail]).toEqual([400, expect.stringContaining('quantities must match the regular expression')]);
    expect(detail).not.toContain('hunter2');
    expect(await list(kubernetes, pods(namespace))).toEqual([]);
  });
});

interface Deployment {
  readonly metadata: { readonly uid: string; readonly annotations: object; readonly labels: object };
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly metadata: { readonly labels: object; readonly annotations: object };
      readonly spec: {
        readonly containers: readonly {
          readonly image: string;
          readonly env: readonly { readonly name: string; readonly value: string }[];
        }[];
      };
    };
  };
}

interface Service {
  readonly metadata: object;
  readonly spec: object;
}
