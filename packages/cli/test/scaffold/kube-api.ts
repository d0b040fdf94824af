import { request } from 'node:https';
import type { TestKubernetes } from '@micro/test-servers';
import type { Manifest } from './manifests.ts';

/** Where the API server keeps what scaffolds have. */
const PLACES: Readonly<Record<string, string>> = {
  ConfigMap: 'api/v1/namespaces/{namespace}/configmaps',
  Service: 'api/v1/namespaces/{namespace}/services',
  ServiceAccount: 'api/v1/namespaces/{namespace}/serviceaccounts',
  Deployment: 'apis/apps/v1/namespaces/{namespace}/deployments',
  PodDisruptionBudget: 'apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets',
};

/** Makes a namespace in which no Pod runs that has more rights than it must have. */
export async function makeStrictNamespace(kubernetes: TestKubernetes, name: string): Promise<void> {
  const strict = Object.fromEntries(
    ['enforce', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']),
  );
  await ask(kubernetes, 'api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: strict },
  });
}

/** Makes a resource. Rejects with what the server has against it: an error, a field it does not know, or a warning. */
export async function apply(kubernetes: TestKubernetes, manifest: Manifest): Promise<void> {
  const place = PLACES[manifest.kind];
  if (place === undefined) throw new Error(`tests do not know where a ${manifest.kind} is made`);
  await ask(
    kubernetes,
    `${place.replace('{namespace}', manifest.metadata.namespace)}?fieldValidation=Strict`,
    manifest,
  );
}

/** The names of the Pods in a namespace, by the accounts that they run as. */
export async function podsOf(kubernetes: TestKubernetes, namespace: string): Promise<readonly string[]> {
  const { items } = (await ask(kubernetes, `api/v1/namespaces/${namespace}/pods`)) as {
    items: readonly { spec: { serviceAccountName: string } }[];
  };
  return items.map(({ spec }) => spec.serviceAccountName);
}

function ask({ url, ca, token }: TestKubernetes, path: string, body?: unknown): Promise<unknown> {
  const headers = { authorization: `Bearer ${token('admin')}`, 'content-type': 'application/json' };
  const method = body === undefined ? 'GET' : 'POST';
  return new Promise((resolve, reject) => {
    const options = { method, headers, ca, servername: 'localhost', agent: false as const, timeout: 60_000 };
    const asked = request(`${url}/${path}`, options, async (response) => {
      let answer = '';
      for await (const chunk of response) answer += String(chunk);
      const { statusCode = 0, headers: told } = response;
      if (statusCode >= 300) reject(new Error(`${path}: ${statusCode} ${answer}`));
      else if (told.warning !== undefined) reject(new Error(`${path}: ${told.warning}`));
      else resolve(JSON.parse(answer));
    });
    asked.on('timeout', () => asked.destroy(new Error(`${path} took too long`)));
    asked.on('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
