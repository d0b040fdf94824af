import { accessSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { CODE } from '@micro/core';
import { reasonOf } from '@micro/core/plugin';
import { k8sError } from './k8s-error.ts';
import type { K8sRuntimeOptions } from './k8s-options.ts';
import { checkNamespace, shown } from './names.ts';

/** An API server, and how to get in. */
export interface Cluster {
  /** Without a slash at its end. */
  readonly server: string;
  /** Its `host:port`. */
  readonly where: string;
  /** That of the context. */
  readonly namespace: string;
  /** Whether the library's agent has to be used, which goes through a proxy. */
  readonly usesProxy: boolean;
  /** Who asks, and whom to trust, as of now: tokens and certificates in files are read again. May run a program. */
  access(): Promise<RequestOptions>;
}

const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * Finds out which API server is meant. Throws 400 for a kubeconfig that cannot be used. The library, which takes half a
 * second to load, is loaded here. `root` stands before the paths of the files that a Pod is given.
 */
export async function loadCluster(options: K8sRuntimeOptions, root = ''): Promise<Cluster> {
  const { config, origin } = options.config ? { config: options.config, origin: 'config' } : await load(options, root);
  if (options.context !== undefined) {
    const names = config.getContexts().map(({ name }) => name);
    if (!names.includes(options.context)) {
      const known = names.length === 0 ? 'none' : names.slice(0, 20).join(', ');
      throw bad(`${origin} has no context ${shown(options.context)}: it has ${known}`);
    }
    config.setCurrentContext(options.context);
  }
  const context = config.getContextObject(config.getCurrentContext());
  if (!context) throw bad(`${origin} has no current context: give one with the option context`);
  const cluster = config.getCluster(context.cluster);
  if (!cluster)
    throw bad(`${origin} has no cluster ${shown(context.cluster)}, which its context ${shown(context.name)} names`);
  const url = parse(cluster.server);
  if (url === undefined) throw bad(`${origin} has the server ${shown(cluster.server)}, which is no http or https URL`);
  // Asked once now, so that a certificate that cannot be read fails at the start.
  const access = async (): Promise<RequestOptions> => {
    const found: RequestOptions = {};
    try {
      await config.applyToHTTPSOptions(found);
    } catch (cause) {
      throw bad(`${origin} does not say how to get in: ${reasonOf(cause)}`, cause);
    }
    return found;
  };
  return {
    server: cluster.server.replace(/\/+$/, ''),
    where: url.port === '' ? `${url.hostname}:${url.protocol === 'https:' ? 443 : 80}` : url.host,
    namespace: checkNamespace(context.namespace?.trim() || 'default'),
    usesProxy: cluster.proxyUrl !== undefined && cluster.proxyUrl !== '',
    access,
  };
}

async function load(
  { kubeconfig }: K8sRuntimeOptions,
  root: string,
): Promise<{ readonly config: KubeConfig; readonly origin: string }> {
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const files = filesOf(kubeconfig, root);
  if (files.length === 0) {
    const config = new Config();
    config.loadFromCluster(root);
    return { config, origin: 'the service account of this Pod' };
  }
  const config = new Config();
  for (const file of files) {
    try {
      const part = new Config();
      part.loadFromFile(file);
      // The first file that names a current context decides, as with kubectl.
      config.mergeConfig(part, Boolean(config.getCurrentContext()));
    } catch (cause) {
      const why = cause instanceof TypeError ? 'it has no clusters, contexts and users' : reasonOf(cause);
      throw bad(`the kubeconfig ${file} cannot be used: ${why}`, cause);
    }
  }
  return { config, origin: `the kubeconfig ${files.join(delimiter)}` };
}

/** The files to read; none means the service account of the Pod. */
function filesOf(kubeconfig: string | undefined, root: string): readonly string[] {
  if (kubeconfig !== undefined) return [kubeconfig];
  const { KUBECONFIG = '', KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' } = process.env;
  const named = KUBECONFIG.split(delimiter).filter((file) => file !== '');
  if (named.length > 0) return named;
  if (host !== '' && port !== '') {
    if (isThere(`${root}${TOKEN}`)) return [];
    throw bad(`this Pod has no service account token at ${TOKEN}: let its spec have one, or give a kubeconfig`);
  }
  const usual = join(homedir(), '.kube', 'config');
  if (isThere(usual)) return [usual];
  throw bad(`there is no kubeconfig: set KUBECONFIG, write ${usual}, give the option kubeconfig, or run in a Pod`);
}

function isThere(file: string): boolean {
  try {
    accessSync(file);
    return true;
  } catch {
    return false;
  }
}

function parse(server: unknown): URL | undefined {
  const url = typeof server === 'string' && URL.canParse(server) ? new URL(server) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) ? url : undefined;
}

function bad(detail: string, cause?: unknown): Error {
  return k8sError(CODE.badRequest, detail, cause);
}
