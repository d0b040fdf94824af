import type { KubeConfig } from '@kubernetes/client-node';
import { CODE, type Logger } from '@micro/core';
import { k8sError } from './k8s-error.ts';
import { checkNamespace, shown } from './names.ts';

/** How much of a node each container asks for and may take, in Kubernetes' quantities: `{ cpu: '250m', memory: '128Mi' }`. */
export interface K8sResources {
  readonly requests?: Readonly<Record<string, string>> | undefined;
  readonly limits?: Readonly<Record<string, string>> | undefined;
}

/** What a runtime on Kubernetes may take. Every number: `undefined` is the default, `0` is off. */
export interface K8sRuntimeOptions {
  /**
   * A kubeconfig file. Default: the files in `KUBECONFIG`; without that variable the service account of the Pod that this
   * process runs in; without that `~/.kube/config`.
   */
  readonly kubeconfig?: string | undefined;
  /** A `KubeConfig` of yours, in place of a file. */
  readonly config?: KubeConfig | undefined;
  /** Which context of the kubeconfig. Default: its current one. */
  readonly context?: string | undefined;
  /** Where workloads are that name no namespace. Default: that of the context or of the Pod; without one `default`. */
  readonly namespace?: string | undefined;
  /** Makes the namespace of a workload when there is none. Takes the right to create namespaces. Default false. */
  readonly createNamespaces?: boolean | undefined;
  /** The image of workloads that name none, neither as `image` nor as `source`. Default: none, which is a 400. */
  readonly image?: string | undefined;
  /** How many Pods a workload begins with. Who scales it later owns their number. Default 1. 0: it is there, and none runs. */
  readonly replicas?: number | undefined;
  /**
   * Where services listen: the port of the container, of the Service and of the probes, and `MICRO_SERVER_ADDRESS`, unless
   * the workload says otherwise. Default 8080, as in go-micro. 0: no Service, no probes.
   */
  readonly port?: number | undefined;
  /** Asks `/health/live` and `/health/ready`, as services of core answer them. Default true. */
  readonly probes?: boolean | undefined;
  /** Default: none, so that the namespace's own limits hold. */
  readonly resources?: K8sResources | undefined;
  /** What Pods run as. Default: the service account `default` of their namespace. */
  readonly serviceAccount?: string | undefined;
  /** How long a Pod may take to end after SIGTERM, in milliseconds; rounded up to seconds. Default 30,000. 0: SIGKILL at once. */
  readonly graceMs?: number | undefined;
  /** Who the API server writes down as the manager of the fields that this runtime sets. Default `micro`. */
  readonly fieldManager?: string | undefined;
  /** Takes over fields that another manager has set, in place of a 409. Default false. */
  readonly force?: boolean | undefined;
  /** How long one operation may take, in milliseconds. Default 10,000. 0 is for ever. */
  readonly timeoutMs?: number | undefined;
  /** How long one watch request lasts before it is asked anew, in milliseconds; rounded up to seconds. Default 60,000. */
  readonly watchMs?: number | undefined;
  /** Told one line when the API server is lost and one when it is back. Default: nobody. */
  readonly logger?: Logger | undefined;
}

/** The same, with everything that has a default. */
export interface Settings extends K8sRuntimeOptions {
  readonly replicas: number;
  readonly port: number;
  readonly probes: boolean;
  readonly graceMs: number;
  readonly fieldManager: string;
  readonly force: boolean;
  readonly timeoutMs: number;
  readonly watchMs: number;
}

/** The options with their defaults. Throws 400 for those that cannot be. */
export function settingsOf(options: K8sRuntimeOptions): Settings {
  const settings: Settings = {
    ...options,
    replicas: options.replicas ?? 1,
    port: options.port ?? 8_080,
    probes: options.probes ?? true,
    graceMs: options.graceMs ?? 30_000,
    fieldManager: options.fieldManager ?? 'micro',
    force: options.force ?? false,
    timeoutMs: options.timeoutMs ?? 10_000,
    watchMs: options.watchMs === undefined || options.watchMs === 0 ? 60_000 : options.watchMs,
  };
  for (const name of ['replicas', 'port', 'graceMs', 'timeoutMs', 'watchMs'] as const) {
    const value = settings[name];
    if (!(Number.isFinite(value) && value >= 0)) throw bad(`${name} cannot be ${value}: give 0 or more`);
  }
  if (!Number.isInteger(settings.replicas)) throw bad(`replicas cannot be ${settings.replicas}: give a whole number`);
  if (!Number.isInteger(settings.port) || settings.port > 65_535) {
    throw bad(`port cannot be ${settings.port}: give one up to 65535, or 0 for no Service`);
  }
  // It stands in the query of a URL and in what `kubectl` prints.
  if (!/^[\x21-\x7e]{1,128}$/.test(settings.fieldManager)) {
    throw bad(`fieldManager ${shown(settings.fieldManager)} is not allowed: give 1 to 128 characters without spaces`);
  }
  if (settings.kubeconfig !== undefined && settings.config !== undefined) {
    throw bad('kubeconfig and config are both given: give one of them');
  }
  if (settings.namespace !== undefined) checkNamespace(settings.namespace);
  return settings;
}

function bad(detail: string): Error {
  return k8sError(CODE.badRequest, detail);
}
