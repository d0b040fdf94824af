import type { Workload } from '@micro/core';
import { given, listAt, textAt, textsAt } from './json.ts';
import type { Settings } from './k8s-options.ts';
import { type FieldPath, type Owners, ownersOf } from './managed-fields.ts';
import { imageOf, type Plan } from './plan.ts';

/** Marks the Pods of one Deployment: those of one that was deleted, and had the same name, have another value. */
export const INSTANCE = 'micro.mu/instance';
/** When the workload was updated, in seconds since the epoch, as go-micro writes it. Its change makes new Pods. */
export const UPDATED = 'updated';
/** The name that go-micro gives to the port. */
const PORT = 'service-port';

/** The Deployment and the Service of a new workload. There is no Service without a port. */
export function newObjects(
  plan: Plan,
  settings: Settings,
  instance: string,
): { deployment: object; service: object | undefined } {
  const container = {
    image: imageOf(plan, settings),
    ...given('command', plan.command),
    ...given('args', plan.args?.length === 0 ? undefined : plan.args),
    ...given('env', envList(withAddress(plan.env ?? new Map(), settings))),
  };
  return {
    deployment: deploymentOf(plan, settings, { [INSTANCE]: instance }, container, () => true),
    service: serviceOf(plan, settings),
  };
}

/**
 * What an update applies to a Deployment that is there: what it says, and what this runtime has set before and it does not
 * speak of. What somebody else has set stays as it is; where the update says otherwise, the API server reports it.
 */
export function updatedDeployment(plan: Plan, settings: Settings, live: unknown, updated: number): object {
  const owners = ownersOf(live, settings.fieldManager);
  const here = ['spec', 'template', 'spec', 'containers'] as const;
  const old = listAt(live, ...here).find((one) => textAt(one, 'name') === plan.names.container);
  const inContainer = containerPath(plan.names.container);
  const kept = <T>(name: string, value: T | undefined): T | undefined =>
    owners.hasSet([...inContainer, `f:${name}`]) ? value : undefined;
  const texts = (name: string): readonly string[] | undefined => {
    const list = listAt(old, name).filter((one) => typeof one === 'string');
    return list.length === 0 ? undefined : list;
  };
  const instance = textAt(live, 'spec', 'template', 'metadata', 'annotations', INSTANCE);
  const env = plan.env === undefined ? ownEnv(old, owners, inContainer) : withAddress(plan.env, settings);
  const args = plan.args ?? kept('args', texts('args'));
  // What was read and is written back is no other image, also where the source never was one.
  const { source = '' } = plan.workload;
  const isMoved = source !== '' && source !== textAt(live, 'metadata', 'annotations', 'source');
  const container = {
    ...given('image', plan.image ?? (isMoved ? imageOf(plan, settings) : kept('image', textAt(old, 'image')))),
    ...given('command', plan.command ?? kept('command', texts('command'))),
    ...given('args', args?.length === 0 ? undefined : args),
    ...given('env', envList(env)),
  };
  return deploymentOf(
    plan,
    settings,
    { ...given(INSTANCE, instance), [UPDATED]: String(updated) },
    container,
    (path) => !owners.isForeign(path),
    textAt(live, 'metadata', 'uid'),
  );
}

/** The Service of a workload, when its port is one. */
export function serviceOf(plan: Plan, settings: Settings): object | undefined {
  if (settings.port === 0) return undefined;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: plan.names.object,
      namespace: plan.namespace,
      labels: plan.names.labels,
      annotations: annotationsOf(plan.workload),
    },
    spec: {
      selector: plan.names.labels,
      ports: [{ name: PORT, port: settings.port, protocol: 'TCP', targetPort: settings.port }],
    },
  };
}

function deploymentOf(
  { names, namespace, workload }: Plan,
  settings: Settings,
  templateAnnotations: Readonly<Record<string, string>>,
  container: object,
  isOurs: (path: FieldPath) => boolean,
  uid?: string | undefined,
): object {
  const { port, probes, resources, serviceAccount, graceMs, replicas } = settings;
  const annotations = annotationsOf(workload);
  const pod: FieldPath = ['f:spec', 'f:template', 'f:spec'];
  const main = containerPath(names.container);
  const ours = <K extends string, V>(path: FieldPath, name: K, value: V | undefined) =>
    given(name, isOurs([...path, `f:${name}`]) ? value : undefined);
  const probe = (path: string, periodSeconds: number) =>
    port === 0 || !probes ? undefined : { httpGet: { path, port, scheme: 'HTTP' }, periodSeconds, timeoutSeconds: 5 };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    // With its uid, what was deleted meanwhile is not made again.
    metadata: { name: names.object, namespace, labels: names.labels, annotations, ...given('uid', uid) },
    spec: {
      ...ours(['f:spec'], 'replicas', replicas),
      selector: { matchLabels: names.labels },
      template: {
        metadata: { labels: names.labels, annotations: { ...annotations, ...templateAnnotations } },
        spec: {
          ...ours(pod, 'terminationGracePeriodSeconds', Math.ceil(graceMs / 1_000)),
          ...ours(pod, 'serviceAccountName', serviceAccount),
          containers: [
            {
              name: names.container,
              ...container,
              ...given('ports', port === 0 ? undefined : [{ name: PORT, containerPort: port, protocol: 'TCP' }]),
              ...ours(main, 'readinessProbe', probe('/health/ready', 5)),
              ...ours(main, 'livenessProbe', probe('/health/live', 10)),
              ...ours(main, 'resources', resources),
            },
          ],
        },
      },
    },
  };
}

/** As go-micro writes them: what the workload says of itself, and who it is. */
function annotationsOf({ name, version, source, metadata }: Workload): Readonly<Record<string, string>> {
  return { ...metadata, name, version, source: source ?? '', owner: 'micro', group: 'micro' };
}

/** Where the service listens, for one that is configured by core's flags, unless it is told otherwise. */
function withAddress(env: ReadonlyMap<string, string>, { port }: Settings): ReadonlyMap<string, string> {
  return port === 0 ? env : new Map([['MICRO_SERVER_ADDRESS', `:${port}`], ...env]);
}

/** The variables that this runtime has set. */
function ownEnv(container: unknown, owners: Owners, path: FieldPath): ReadonlyMap<string, string> {
  return new Map(
    listAt(container, 'env').flatMap((one): [string, string][] => {
      const name = textAt(one, 'name');
      if (name === undefined || !owners.hasSet([...path, 'f:env', `k:${JSON.stringify({ name })}`])) return [];
      return [[name, textAt(one, 'value') ?? '']];
    }),
  );
}

function envList(env: ReadonlyMap<string, string>): readonly object[] | undefined {
  if (env.size === 0) return undefined;
  return [...env].map(([name, value]) => ({ name, value }));
}

function containerPath(name: string): FieldPath {
  return ['f:spec', 'f:template', 'f:spec', 'f:containers', `k:${JSON.stringify({ name })}`];
}

/** What is said of a workload apart from who it is: the annotations of its Deployment that this runtime has set. */
export function metadataOf(deployment: unknown, manager: string): ReadonlyMap<string, string> {
  const owners = ownersOf(deployment, manager);
  const path = ['f:metadata', 'f:annotations'];
  const isOurs = owners.hasSet(path);
  const own = [...textsAt(deployment, 'metadata', 'annotations')].filter(([key]) => {
    if (['name', 'version', 'source', 'owner', 'group', UPDATED].includes(key)) return false;
    // What another program made, go-micro above all, has its metadata there with those of Kubernetes.
    return isOurs ? owners.hasSet([...path, `f:${key}`]) : !/kubernetes\.io\//.test(key);
  });
  return new Map(own);
}
