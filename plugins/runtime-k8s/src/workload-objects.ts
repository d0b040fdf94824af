import { CODE, type Workload } from '@micro/core';
import { fullJitterMs, reasonOf, sleep } from '@micro/core/plugin';
import type { Api } from './api.ts';
import { deploymentsPath, servicesPath } from './feed.ts';
import { textAt } from './json.ts';
import { isRefusal, k8sError } from './k8s-error.ts';
import type { Settings } from './k8s-options.ts';
import { claimPatch } from './managed-fields.ts';
import { namesOf, TYPE } from './names.ts';
import { INSTANCE, newObjects, serviceOf, updatedDeployment } from './objects.ts';
import type { Plan } from './plan.ts';
import { identityOf } from './workload-view.ts';

/** How often a patch is tried that somebody else was faster than. */
const MOST_CLAIMS = 10;

/** Makes the Deployment and the Service of a workload, or neither. Throws 409 when there is one of the name already. */
export async function createObjects(
  api: Api,
  settings: Settings,
  plan: Plan,
  instance: string,
  signal: AbortSignal,
): Promise<void> {
  const { names, namespace } = plan;
  const { deployment, service } = newObjects(plan, settings, instance);
  const what = `creating ${names.object} in ${namespace}`;
  const query = { fieldManager: settings.fieldManager };
  const post = (path: string, body: object) => api.ask({ what, method: 'POST', path, query, body, signal });
  try {
    try {
      await post(deploymentsPath(namespace), deployment);
    } catch (error) {
      if (!isMissingNamespace(error, namespace)) throw error;
      if (settings.createNamespaces !== true) {
        throw k8sError(
          CODE.notFound,
          `${what} failed: there is no namespace ${namespace}: make it, or set createNamespaces`,
          error,
        );
      }
      await createNamespace(api, namespace, settings, signal);
      await post(deploymentsPath(namespace), deployment);
    }
    if (service !== undefined) await post(servicesPath(namespace), service);
  } catch (error) {
    if (isRefusal(error, 409, 'AlreadyExists')) {
      const isService =
        service !== undefined && (await findOwn(api, deploymentsPath(namespace), names.object, instance));
      if (!isService) {
        throw k8sError(
          CODE.conflict,
          `${names.object} is there already in ${namespace}: update it, or delete it first`,
          error,
        );
      }
    }
    await undo(api, plan, instance, error);
    throw error;
  }
}

/** Changes the Deployment and the Service of a workload. Throws 404 when there is none. */
export async function updateObjects(api: Api, settings: Settings, plan: Plan, signal: AbortSignal): Promise<void> {
  const { names, namespace, workload } = plan;
  const what = `updating ${names.object} in ${namespace}`;
  const path = `${deploymentsPath(namespace)}/${names.object}`;
  const servicePath = `${servicesPath(namespace)}/${names.object}`;
  const live = await claim(api, { what, path, manager: settings.fieldManager, signal });
  if (!isOf(live, workload)) {
    throw k8sError(CODE.notFound, `there is no ${workload.name} ${workload.version} in ${namespace}: create it first`);
  }
  const service = serviceOf(plan, settings);
  const liveService = await claim(api, { what, path: servicePath, manager: settings.fieldManager, signal });
  const apply = (to: string, body: object) =>
    api.ask({
      ...{ what, method: 'PATCH', path: to, body, signal, type: 'application/apply-patch+yaml' },
      query: { fieldManager: settings.fieldManager, force: settings.force },
    });
  await apply(path, updatedDeployment(plan, settings, live, Math.floor(Date.now() / 1_000)));
  if (service !== undefined) await apply(servicePath, service);
  else if (isOf(liveService, workload)) await remove(api, what, servicePath, liveService, signal);
}

/** Deletes the Service and the Deployment of a workload; what is not there, or somebody else's, is left alone. */
export async function deleteObjects(
  api: Api,
  namespace: string,
  workload: Pick<Workload, 'name' | 'version'>,
  signal: AbortSignal,
): Promise<void> {
  const { object } = namesOf(workload);
  const what = `deleting ${object} in ${namespace}`;
  const paths = [`${servicesPath(namespace)}/${object}`, `${deploymentsPath(namespace)}/${object}`];
  const results = await Promise.allSettled(
    paths.map(async (path) => {
      const live = await find(api, what, path, signal);
      if (isOf(live, workload)) await remove(api, what, path, live, signal);
    }),
  );
  // One that cannot be deleted does not keep the other.
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** Whether an object belongs to this workload, and not to one whose name only looks the same to Kubernetes. */
function isOf(live: unknown, { name, version }: Pick<Workload, 'name' | 'version'>): boolean {
  const identity = identityOf(live);
  return (
    identity?.name === name && identity.version === version && textAt(live, 'metadata', 'labels', 'micro') === TYPE
  );
}

async function find(api: Api, what: string, path: string, signal?: AbortSignal): Promise<unknown> {
  try {
    return await api.ask({ what, path, signal });
  } catch (error) {
    if (isRefusal(error, 404)) return undefined;
    throw error;
  }
}

/** An object whose fields are such that they can be applied by this manager; `undefined` when there is none. */
async function claim(
  api: Api,
  { what, path, manager, signal }: { what: string; path: string; manager: string; signal: AbortSignal },
): Promise<unknown> {
  for (let tries = 1; ; tries++) {
    const live = await find(api, what, path, signal);
    const body = claimPatch(live, manager);
    if (body === undefined) return live;
    try {
      // Without a manager of its own it counts as nobody's change.
      return await api.ask({ what, method: 'PATCH', path, body, type: 'application/json-patch+json', signal });
    } catch (error) {
      if (!isRefusal(error, 409) || tries === MOST_CLAIMS) throw error;
      await sleep(fullJitterMs(50, 1_000, tries), signal);
    }
  }
}

async function remove(api: Api, what: string, path: string, live: unknown, signal?: AbortSignal): Promise<void> {
  const uid = textAt(live, 'metadata', 'uid');
  const body = {
    ...{ apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' },
    // Not the one that somebody has made in its place meanwhile.
    preconditions: { uid },
  };
  try {
    await api.ask({ what, method: 'DELETE', path, body, signal });
  } catch (error) {
    if (!isRefusal(error, 404) && !isRefusal(error, 409)) throw error;
  }
}

/** Takes back a Deployment without a Service. What comes of a question that got no answer is looked for, too. */
async function undo(api: Api, { names, namespace }: Plan, instance: string, error: unknown): Promise<void> {
  const path = deploymentsPath(namespace);
  const what = `taking back ${names.object} in ${namespace}`;
  try {
    const live = await findOwn(api, path, names.object, instance);
    if (live !== undefined) await remove(api, what, `${path}/${names.object}`, live);
  } catch (cause) {
    const code = (error as { code?: unknown }).code;
    const known = Object.values(CODE).find((one) => one === code) ?? CODE.unavailable;
    const detail = `${reasonOf(error)}; its Deployment may be left behind: delete it with the workload`;
    throw k8sError(known, detail, new AggregateError([error, cause]));
  }
}

/** The Deployment that this very creation has made. */
async function findOwn(api: Api, path: string, name: string, instance: string): Promise<unknown> {
  const live = await find(api, `looking for ${name}`, `${path}/${name}`);
  return textAt(live, 'spec', 'template', 'metadata', 'annotations', INSTANCE) === instance ? live : undefined;
}

function isMissingNamespace(error: unknown, namespace: string): boolean {
  return (
    isRefusal(error, 404) && error instanceof Error && error.message.includes(`namespaces "${namespace}" not found`)
  );
}

async function createNamespace(
  api: Api,
  namespace: string,
  { fieldManager }: Settings,
  signal: AbortSignal,
): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  const what = `creating the namespace ${namespace}`;
  try {
    await api.ask({ what, method: 'POST', path: '/api/v1/namespaces', query: { fieldManager }, body, signal });
  } catch (error) {
    // Somebody else was faster.
    if (!isRefusal(error, 409, 'AlreadyExists')) throw error;
  }
}
