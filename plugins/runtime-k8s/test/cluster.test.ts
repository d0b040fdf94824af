import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { loadCluster } from '../src/cluster.ts';
import { k8sRuntime, plugin } from '../src/index.ts';
import { fileOf, refusal } from './world.ts';

const CONFIG = {
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [
    { name: 'one', cluster: { server: 'https://one.example:6443/' } },
    { name: 'two', cluster: { server: 'https://two.example/k8s/clusters/c-1' } },
    { name: 'odd', cluster: { server: 'ftp://odd.example' } },
  ],
  users: [{ name: 'me', user: { token: 'hunter2' } }],
  contexts: [
    { name: 'one', context: { cluster: 'one', user: 'me', namespace: 'shop' } },
    { name: 'two', context: { cluster: 'two', user: 'me' } },
    { name: 'odd', context: { cluster: 'odd', user: 'me' } },
    { name: 'lost', context: { cluster: 'nowhere', user: 'me' } },
  ],
  'current-context': 'one',
};

const text = (changes: object = {}): string => JSON.stringify({ ...CONFIG, ...changes });

beforeEach(() => {
  for (const name of ['KUBECONFIG', 'KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT']) vi.stubEnv(name, undefined);
  vi.stubEnv('HOME', '/nowhere');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe('where the API server is', () => {
  test('a kubeconfig says it, and a context of it another', async () => {
    const kubeconfig = fileOf(text());
    expect(await loadCluster({ kubeconfig })).toMatchObject({
      server: 'https://one.example:6443',
      where: 'one.example:6443',
      namespace: 'shop',
    });
    expect(await loadCluster({ kubeconfig, context: 'two' })).toMatchObject({
      server: 'https://two.example/k8s/clusters/c-1',
      where: 'two.example:443',
      namespace: 'default',
    });
  });

  test('KUBECONFIG says it, of several files the first that names a context', async () => {
    const first = fileOf(text({ 'current-context': '', clusters: [], contexts: [], users: [] }));
    vi.stubEnv('KUBECONFIG', [first, fileOf(text({ 'current-context': 'two' }))].join(delimiter));
    expect((await loadCluster({})).where).toBe('two.example:443');
  });

  test('a Pod says it by its service account, whose token is read anew', async () => {
    const root = mkdtempSync(join(tmpdir(), 'pod-'));
    onTestFinished(() => rmSync(root, { recursive: true }));
    const folder = join(root, 'var/run/secrets/kubernetes.io/serviceaccount');
    mkdirSync(folder, { recursive: true });
    for (const [name, content] of Object.entries({ token: 'first', namespace: 'shop\n', 'ca.crt': 'ca' })) {
      writeFileSync(join(folder, name), content);
    }
    vi.stubEnv('KUBERNETES_SERVICE_HOST', 'fd00::1');
    vi.stubEnv('KUBERNETES_SERVICE_PORT', '443');
    const cluster = await loadCluster({}, root);
    expect(cluster).toMatchObject({ where: '[fd00::1]:443', namespace: 'shop' });
    const token = async () => (await cluster.access()).headers;
    expect(await token()).toEqual({ Authorization: 'Bearer first' });
    writeFileSync(join(folder, 'token'), 'second');
    vi.useFakeTimers({ now: Date.now() + 120_000, toFake: ['Date'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    expect(await token()).toEqual({ Authorization: 'Bearer second' });
  });

  test.each<[string, () => Promise<unknown>, RegExp]>([
    ['nothing says it', () => loadCluster({}), /there is no kubeconfig: set KUBECONFIG/],
    [
      'the file is missing',
      () => loadCluster({ kubeconfig: '/no/such' }),
      /kubeconfig \/no\/such cannot be used: ENOENT/,
    ],
    ['the file is empty', () => loadCluster({ kubeconfig: fileOf('') }), /it has no clusters, contexts and users/],
    ['the file is no YAML', () => loadCluster({ kubeconfig: fileOf('a: [') }), /cannot be used/],
    ['the file is a list', () => loadCluster({ kubeconfig: fileOf('[]') }), /no current context/],
    [
      'no context is current',
      () => loadCluster({ kubeconfig: fileOf(text({ 'current-context': '' })) }),
      /no current context: give one/,
    ],
    [
      'the context is missing',
      () => loadCluster({ kubeconfig: fileOf(text()), context: 'no' }),
      /no context "no": it has one, two/,
    ],
    [
      'the cluster is missing',
      () => loadCluster({ kubeconfig: fileOf(text()), context: 'lost' }),
      /no cluster "nowhere"/,
    ],
    [
      'the server is no URL',
      () => loadCluster({ kubeconfig: fileOf(text()), context: 'odd' }),
      /"ftp:\/\/odd.example", which is no http/,
    ],
  ])('%s, which is a 400 that says so', async (_, load, said) => {
    const error = await refusal(load());
    expect([error.code, error.detail]).toEqual([400, expect.stringMatching(said)]);
    expect(error.detail).not.toContain('hunter2');
  });

  test('a Pod without a token says so', async () => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '10.0.0.1');
    vi.stubEnv('KUBERNETES_SERVICE_PORT', '443');
    expect((await refusal(loadCluster({}, '/nowhere'))).detail).toMatch(/no service account token/);
  });
});

describe('the start', () => {
  const start = (server: string, user: object = { token: 'hunter2' }, timeoutMs = 500) => {
    const config = fileOf(text({ clusters: [{ name: 'one', cluster: { server } }], users: [{ name: 'me', user }] }));
    return refusal(k8sRuntime({ kubeconfig: config, timeoutMs }).start());
  };

  test('names an API server that cannot be reached, and what to look at', async () => {
    const error = await start('https://127.0.0.1:1', undefined, 20_000);
    expect([error.code, error.detail]).toEqual([
      503,
      expect.stringMatching(
        /127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED.*does it run, and does the kubeconfig name it\?$/,
      ),
    ]);
    expect(error.detail).not.toContain('hunter2');
  });

  test('gives up one that takes connections and says nothing', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const error = await start(`https://127.0.0.1:${port}`);
    expect([error.code, error.detail]).toEqual([
      408,
      expect.stringMatching(/took longer than 500 ms: does the API server at/),
    ]);
  });

  test('is ended by a stop, however long it may wait', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const clusters = [{ name: 'one', cluster: { server: `https://127.0.0.1:${port}` } }];
    const runtime = k8sRuntime({ kubeconfig: fileOf(text({ clusters })), timeoutMs: 0 });
    const starting = refusal(runtime.start());
    await runtime.stop();
    expect(await starting).toMatchObject({ code: 503, detail: 'the runtime was stopped while it started' });
    await runtime.stop();
  });

  test('gives up a program that should say who asks, and does not end', async () => {
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'sleep', args: ['3'] };
    expect((await start('https://127.0.0.1:1', { exec })).code).toBe(408);
  });

  test('is needed: before it, and after the stop, everything is a 503', async () => {
    const runtime = k8sRuntime({ kubeconfig: '/no/such' });
    const workload = { name: 'a', version: '1', metadata: {} };
    const next = (items: AsyncIterable<unknown>) => items[Symbol.asyncIterator]().next();
    const calls = [
      runtime.read(),
      runtime.create(workload),
      runtime.update(workload),
      runtime.delete(workload),
      next(runtime.logs(workload)),
      next(runtime.watch()),
    ];
    for (const call of calls)
      expect((await refusal(call)).detail).toBe('the runtime is not started: call start() first');
    await runtime.stop();
  });
});

describe('an option that cannot be', () => {
  test.each<[string, object]>([
    ['replicas', { replicas: 1.5 }],
    ['port', { port: 65_536 }],
    ['graceMs', { graceMs: -1 }],
    ['timeoutMs', { timeoutMs: Number.NaN }],
    ['fieldManager', { fieldManager: 'a b' }],
    ['namespace', { namespace: 'My.Ns' }],
    ['kubeconfig', { kubeconfig: 'a', config: {} }],
  ])('is named: %s', (name, options) => {
    expect(() => k8sRuntime(options)).toThrow(
      expect.objectContaining({ code: 400, detail: expect.stringContaining(name) }),
    );
  });
});

test('the manifest makes a runtime from flags, and refuses those that make no sense', async () => {
  expect(plugin).toMatchObject({ api: 1, kind: 'runtime', name: 'k8s' });
  expect((await plugin.create({ runtime_source: 'shop/greeter:1' }, {})).name).toBe('k8s');
  expect(() => plugin.create({ runtime_source: 3 }, {})).toThrow(/--runtime_source 3 is no image/);
});

test('a kubeconfig may be anywhere: what it names is beside it', async () => {
  const file = fileOf(text());
  const users = [{ name: 'me', user: { 'client-certificate': 'me.pem', 'client-key': 'me.key' } }];
  writeFileSync(file, text({ users }));
  for (const name of ['me.pem', 'me.key']) writeFileSync(join(dirname(file), name), name);
  const cluster = await loadCluster({ kubeconfig: file });
  expect(String((await cluster.access()).cert)).toBe('me.pem');
});

test('the library is loaded by the start, and not by an import of this package', () => {
  const folder = new URL('../src/', import.meta.url);
  const sources = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8'));
  expect(sources.filter((source) => /^import (?!type\b)[^;]*@kubernetes\/client-node/m.test(source))).toEqual([]);
  expect(sources.filter((source) => source.includes("await import('@kubernetes/client-node')"))).toHaveLength(1);
});
