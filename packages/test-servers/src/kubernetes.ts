import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askHttp } from './ask-http.ts';
import { testCertificates } from './certificates.ts';
import { startEtcd } from './etcd.ts';
import { kubernetesPrograms } from './missing-server.ts';
import { HERE, type Network } from './network.ts';
import { poll, START_MS } from './poll.ts';
import { onFreePorts, type ServerPlan, startProcess } from './server-process.ts';
import type { StartOptions, TestServer } from './test-server.ts';

/** What a Kubernetes API server may be given. */
export interface KubernetesOptions {
  /** Users beside `admin` and `nobody`. They have no rights until a test binds them to a role. Default: none. */
  readonly users?: readonly string[] | undefined;
  /** The network namespace that all of it runs in. Default: ours. */
  readonly namespace?: Network | undefined;
}

/**
 * A Kubernetes control plane: what starts, stops and freezes is the API server. Deployments get their ReplicaSets and Pods;
 * no machine runs these, so that they stay `Pending` until a test says otherwise.
 */
export interface TestKubernetes extends TestServer {
  /** The PEM text of the authority that signed its certificate. It is that of `testCertificates()`. */
  readonly ca: string;
  readonly caFile: string;
  /** Where it keeps everything. A server of its own, to be killed on its own. */
  readonly etcd: TestServer;
  /** What makes Pods of Deployments. A server of its own, to be killed on its own. */
  readonly controllerManager: TestServer;
  /** `admin` may do everything, `nobody` nothing. */
  readonly users: readonly string[];
  /** The bearer token of a user. Throws when there is none of that name. */
  token(user: string): string;
  /** The text of a kubeconfig, in JSON, which YAML is a superset of. Default: that of `admin`, in the namespace `default`. */
  kubeconfig(user?: string, namespace?: string): string;
}

/** Those that a test of Deployments, Services and Jobs needs; each one more costs time and memory. */
const CONTROLLERS = [
  'deployment-controller',
  'replicaset-controller',
  'statefulset-controller',
  'job-controller',
  'endpoints-controller',
  'endpointslice-controller',
  'namespace-controller',
  'serviceaccount-controller',
  'resourcequota-controller',
  // The roles view, edit and admin are empty until it has put them together.
  'clusterrole-aggregation-controller',
  'root-ca-certificate-publisher-controller',
  'garbage-collector-controller',
  'pod-garbage-collector-controller',
];

/**
 * Starts a Kubernetes API server on an etcd of its own, with a controller manager beside it. Ready when a Pod could be made,
 * after about 4 seconds. Authorization is RBAC. `wipe` takes etcd's data away, too.
 */
export async function startKubernetes({
  users: more = [],
  namespace = HERE,
}: KubernetesOptions = {}): Promise<TestKubernetes> {
  const programs = kubernetesPrograms();
  const users = [...new Set(['admin', 'nobody', ...more])];
  for (const user of users) checkUser(user);
  const etcd = await startEtcd({ namespace });
  let api: TestServer | undefined;
  try {
    return await onFreePorts(['api', 'manager'], async (ports, release) => {
      const url = `https://${namespace.ip}:${ports.api}`;
      const kubeconfig = (user = 'admin', chosen = 'default'): string => kubeconfigText(url, token(user), chosen);
      const token = (user: string): string => {
        if (!users.includes(user)) throw new Error(`there is no user ${user}: there are ${users.join(', ')}`);
        return `token-of-${user}`;
      };
      const ask = (path: string) =>
        askHttp(`${url}${path}`, { headers: { authorization: `Bearer ${token('admin')}` }, timeoutMs: 5_000 });
      api = await startProcess({
        ...planApiServer(programs.apiServer, etcd.url, namespace, ports.api),
        prepare: (data) =>
          writeFileSync(join(data, 'tokens.csv'), users.map((user) => tokenLine(user, token(user))).join('')),
        ready: async () => (await ask('/readyz')).status === 200,
      });
      const manager = await startProcess({
        ...planManager(programs.controllerManager, namespace, ports.manager),
        prepare: (data) => writeFileSync(join(data, 'kubeconfig'), kubeconfig()),
      });
      // Pods are refused until their namespace has this account.
      const ready = async (): Promise<void> => {
        const path = '/api/v1/namespaces/default/serviceaccounts/default';
        await poll('waiting for the first service account', START_MS, async () => (await ask(path)).status === 200);
      };
      await ready();
      return assemble({ api, manager, etcd, ready, release, details: { users, token, kubeconfig } });
    });
  } catch (error) {
    await api?.close();
    await etcd.close();
    throw error;
  }
}

interface Parts {
  readonly api: TestServer;
  readonly manager: TestServer;
  readonly etcd: TestServer;
  ready(): Promise<void>;
  release(): void;
  readonly details: Pick<TestKubernetes, 'users' | 'token' | 'kubeconfig'>;
}

function assemble({ api, manager, etcd, ready, release, details }: Parts): TestKubernetes {
  const { ca, caFile } = testCertificates();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= Promise.all([api.close(), manager.close(), etcd.close()]).then(release);
    return closing;
  };
  const start = async ({ wipe = false }: StartOptions = {}): Promise<void> => {
    if (!wipe) return api.start();
    if (api.running) throw new Error(`the API server on ${api.address} is running already: stop it first`);
    // What it knew is gone with etcd's data; it would make Pods of Deployments that there are no more.
    await manager.kill();
    await etcd.kill();
    await etcd.start({ wipe });
    await api.start({ wipe });
    await manager.start({ wipe });
    await ready();
  };
  return {
    ...details,
    ...{ ca, caFile, etcd, controllerManager: manager },
    ...{ host: api.host, port: api.port, address: api.address, url: api.url },
    get running() {
      return api.running;
    },
    get pid() {
      return api.pid;
    },
    stop: api.stop,
    kill: api.kill,
    start,
    async restart(options) {
      await api.stop();
      await start(options);
    },
    freeze: api.freeze,
    thaw: api.thaw,
    log: api.log,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function planApiServer(
  program: string,
  etcd: string,
  { ip, prefix }: Network,
  port: number,
): Omit<ServerPlan, 'ready'> {
  const { certFile, keyFile } = testCertificates();
  return {
    ...{ label: 'kube-apiserver', host: ip, port, url: `https://${ip}:${port}` },
    command: (data) => [
      ...[...prefix, program, '--etcd-servers', etcd, '--bind-address', ip, '--secure-port', String(port)],
      // Its cache asks etcd for what only etcd 3.5 has; without it a watch works on Debian's 3.4, too.
      ...['--watch-cache=false', '--advertise-address', ip, '--endpoint-reconciler-type', 'none'],
      ...['--tls-cert-file', certFile, '--tls-private-key-file', keyFile, '--cert-dir', data],
      ...['--token-auth-file', join(data, 'tokens.csv'), '--authorization-mode', 'RBAC'],
      ...['--service-account-issuer', 'https://kubernetes.default.svc', '--service-cluster-ip-range', '10.0.0.0/24'],
      ...['--service-account-key-file', certFile, '--service-account-signing-key-file', keyFile],
      // A test that plays a node has an address, and no name that anybody could look up.
      ...['--kubelet-preferred-address-types', 'InternalIP', '--shutdown-delay-duration', '0s'],
    ],
  };
}

function planManager(program: string, { ip, prefix }: Network, port: number): ServerPlan {
  const { caFile, certFile, keyFile } = testCertificates();
  const url = `https://${ip}:${port}`;
  return {
    ...{ label: 'kube-controller-manager', host: ip, port, url },
    command: (data) => [
      ...[...prefix, program, '--kubeconfig', join(data, 'kubeconfig'), '--leader-elect=false'],
      ...['--bind-address', ip, '--secure-port', String(port), '--authentication-skip-lookup'],
      ...['--tls-cert-file', certFile, '--tls-private-key-file', keyFile, '--cert-dir', data],
      ...['--service-account-private-key-file', keyFile, '--root-ca-file', caFile],
      ...['--controllers', CONTROLLERS.join()],
    ],
    ready: async () => (await askHttp(`${url}/healthz`)).status === 200,
  };
}

/** `admin` is one of the group that RBAC lets do everything; the others begin with nothing. */
function tokenLine(user: string, token: string): string {
  return user === 'admin' ? `${token},admin,admin,system:masters\n` : `${token},${user},${user}\n`;
}

function checkUser(user: string): void {
  if (/^[a-z0-9](?:[a-z0-9.:-]*[a-z0-9])?$/.test(user)) return;
  throw new Error(`a user cannot be called ${JSON.stringify(user)}: give lower-case letters, digits, '-', '.' and ':'`);
}

function kubeconfigText(server: string, token: string, namespace: string): string {
  const { ca } = testCertificates();
  const cluster = {
    server,
    'certificate-authority-data': Buffer.from(ca).toString('base64'),
    // In a namespace it has an address that is not in its certificate.
    'tls-server-name': 'localhost',
  };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'user', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'user', namespace } }],
    'current-context': 'test',
  });
}
