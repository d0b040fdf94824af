import type { RunningWorkload, WorkloadStatus } from '@micro/core';
import { reasonOf } from '@micro/core/plugin';
import { at, given, listAt, numberAt, textAt } from './json.ts';
import { INSTANCE, metadataOf, UPDATED } from './objects.ts';

/** Who a Deployment is, as its annotations say. One without them is known by its labels. */
export function identityOf(deployment: unknown): { readonly name: string; readonly version: string } | undefined {
  const name = annotation(deployment, 'name') ?? textAt(deployment, 'metadata', 'labels', 'name');
  const version = annotation(deployment, 'version') ?? textAt(deployment, 'metadata', 'labels', 'version');
  return name === undefined || version === undefined ? undefined : { name, version };
}

/** A Deployment and the Pods that it has made as a workload; `undefined` for a Deployment that does not say which one it is. */
export function viewOf(deployment: unknown, pods: readonly unknown[], manager: string): RunningWorkload | undefined {
  const identity = identityOf(deployment);
  if (identity === undefined) return undefined;
  const source = annotation(deployment, 'source');
  return Object.freeze({
    ...identity,
    ...given('source', source === '' ? undefined : source),
    metadata: Object.freeze(Object.fromEntries(metadataOf(deployment, manager))),
    ...stateOf(deployment, pods),
  });
}

/** Finds the Pods that a Deployment has made, whatever others of its name there were. */
export function groupPods(pods: Iterable<unknown>): (deployment: unknown) => readonly unknown[] {
  const groups = new Map<string, unknown[]>();
  for (const pod of pods) {
    const group = groups.get(labelsOf(pod));
    if (group === undefined) groups.set(labelsOf(pod), [pod]);
    else group.push(pod);
  }
  return (deployment) => {
    const instance = textAt(deployment, 'spec', 'template', 'metadata', 'annotations', INSTANCE);
    const group = groups.get(labelsOf(deployment)) ?? [];
    return instance === undefined ? group : group.filter((pod) => annotation(pod, INSTANCE) === instance);
  };
}

function labelsOf(object: unknown): string {
  const labels = ['name', 'version', 'micro'].map((name) => textAt(object, 'metadata', 'labels', name));
  return JSON.stringify([textAt(object, 'metadata', 'namespace'), ...labels]);
}

/** Waiting for this is waiting for something to change. */
const TROUBLE = new Set([
  'CrashLoopBackOff',
  'CreateContainerConfigError',
  'CreateContainerError',
  'ErrImageNeverPull',
  'ErrImagePull',
  'ImageInspectError',
  'ImagePullBackOff',
  'InvalidImageName',
  'RegistryUnavailable',
  'RunContainerError',
]);

interface State {
  readonly status: WorkloadStatus;
  readonly error?: string;
}

function stateOf(deployment: unknown, pods: readonly unknown[]): State {
  if (at(deployment, 'metadata', 'deletionTimestamp') !== undefined) return { status: 'stopping' };
  const wanted = numberAt(deployment, 'spec', 'replicas') ?? 1;
  const newest = textAt(deployment, 'spec', 'template', 'metadata', 'annotations', UPDATED);
  const living = pods.filter((pod) => at(pod, 'metadata', 'deletionTimestamp') === undefined);
  if (wanted === 0) return { status: pods.length === 0 ? 'stopped' : 'stopping' };
  // Those that an update replaces do not count any more.
  const current = living.filter((pod) => annotation(pod, UPDATED) === newest);
  const error = failureOf(deployment) ?? current.map(troubleOf).find((trouble) => trouble !== undefined);
  if (error !== undefined) return { status: 'error', error };
  const count = (name: string) => numberAt(deployment, 'status', name) ?? 0;
  const isSeen = count('observedGeneration') >= (numberAt(deployment, 'metadata', 'generation') ?? 0);
  if (isSeen && count('updatedReplicas') >= wanted && count('availableReplicas') >= wanted)
    return { status: 'running' };
  const isPlaced = current.some((pod) => (textAt(pod, 'spec', 'nodeName') ?? '') !== '');
  return { status: isPlaced || current.length < living.length ? 'starting' : 'pending' };
}

/** Why a Deployment gets no Pods, or not in time: a quota, an account that is missing. */
function failureOf(deployment: unknown): string | undefined {
  for (const condition of listAt(deployment, 'status', 'conditions')) {
    const type = textAt(condition, 'type');
    const isTrue = textAt(condition, 'status') === 'True';
    const isLate = textAt(condition, 'reason') === 'ProgressDeadlineExceeded';
    if ((type === 'ReplicaFailure' && isTrue) || (type === 'Progressing' && !isTrue && isLate)) {
      return reasonOf(textAt(condition, 'message') ?? textAt(condition, 'reason'));
    }
  }
  return undefined;
}

/** What is wrong with a Pod. */
function troubleOf(pod: unknown): string | undefined {
  const name = textAt(pod, 'metadata', 'name') ?? '';
  if (textAt(pod, 'status', 'phase') === 'Failed') {
    return `pod ${name} failed: ${said(at(pod, 'status'))}`;
  }
  const containers = [...listAt(pod, 'status', 'initContainerStatuses'), ...listAt(pod, 'status', 'containerStatuses')];
  for (const container of containers) {
    const waiting = at(container, 'state', 'waiting');
    if (!TROUBLE.has(textAt(waiting, 'reason') ?? '')) continue;
    const last = at(container, 'lastState', 'terminated');
    const code = numberAt(last, 'exitCode');
    const reason = textAt(last, 'reason');
    // OOMKilled says more than 137.
    const before =
      code === undefined ? '' : `, after it ended with code ${code}${reason === undefined ? '' : ` (${reason})`}`;
    return `pod ${name}: ${said(waiting)}${before}`;
  }
  return undefined;
}

function said(state: unknown): string {
  const reason = textAt(state, 'reason') ?? '';
  const message = textAt(state, 'message') ?? '';
  // A reason is one word in Kubernetes' own spelling, which people look for.
  const word = /^[A-Za-z]{1,64}$/.test(reason) ? reason : '';
  return [word, reasonOf(message)].filter((text) => text !== '').join(': ') || 'no reason given';
}

function annotation(object: unknown, name: string): string | undefined {
  return textAt(object, 'metadata', 'annotations', name);
}
