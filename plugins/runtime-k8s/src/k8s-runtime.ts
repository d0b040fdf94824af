import { randomUUID } from 'node:crypto';
import {
  CODE,
  type LogLine,
  type LogOptions,
  MicroError,
  type RunningWorkload,
  type Runtime,
  type RuntimeReadOptions,
  type Workload,
} from '@micro/core';
import { abortError, inTurn, steadyLogger, within } from '@micro/core/plugin';
import { type Api, createApi } from './api.ts';
import { type Cluster, loadCluster } from './cluster.ts';
import { deploymentsPath, openFeed, podsPath } from './feed.ts';
import { textAt } from './json.ts';
import { ID, k8sError } from './k8s-error.ts';
import { type K8sRuntimeOptions, settingsOf } from './k8s-options.ts';
import { checkNamespace, namesOf, selectorOf } from './names.ts';
import { imageOf, planOf } from './plan.ts';
import { listAll } from './reflect.ts';
import { viewsOf, watchWorkloads } from './watch-workloads.ts';
import { followedLines, pastLines } from './workload-logs.ts';
import { createObjects, deleteObjects, updateObjects } from './workload-objects.ts';
import { groupPods, identityOf, viewOf } from './workload-view.ts';

/** How much longer than its questions a stop may take. */
const STOP_MS = 2_000;

/** What there is between a start and a stop. */
interface Life {
  readonly api: Api;
  readonly cluster: Cluster;
  /** Aborts when the runtime is stopped. */
  readonly controller: AbortController;
  /** What is being changed, and watches that begin. */
  readonly pending: Set<Promise<unknown>>;
  readonly beginning: Set<Promise<unknown>>;
}

/**
 * Runs workloads on Kubernetes: each is a Deployment and a Service, with go-micro's names, labels and annotations. `start`
 * reads the kubeconfig and asks the API server for the workloads of the namespace, so that what cannot work fails there;
 * before it, and after `stop`, everything is a 503. What runs goes on running when the runtime stops: it is the cluster
 * that runs it. Every question has a deadline, and watches and followed logs come back by themselves.
 *
 * Throws 400 for options that cannot be.
 */
export function k8sRuntime(options: K8sRuntimeOptions = {}): Runtime {
  const settings = settingsOf(options);
  const { fieldManager, timeoutMs, watchMs } = settings;
  const logger = settings.logger && steadyLogger(settings.logger);
  let life: Life | undefined;
  const lifeInTurn = inTurn();
  /** Ends a start that is not done. */
  let opening = new AbortController();
  /** One thing at a time is done to a workload, in the order in which it was asked for. */
  const turns = new Map<string, ReturnType<typeof inTurn>>();

  const living = (): Life => {
    if (life === undefined) throw k8sError(CODE.unavailable, 'the runtime is not started: call start() first');
    return life;
  };
  const signalOf = ({ controller }: Life, signal: AbortSignal | undefined): AbortSignal =>
    signal === undefined ? controller.signal : AbortSignal.any([controller.signal, signal]);
  const namespaceOf = ({ cluster }: Life, namespace: string | undefined): string =>
    checkNamespace(namespace ?? settings.namespace ?? cluster.namespace);

  /** What was begun is finished, or taken back, also when nobody waits for it any more. */
  const changing = async (
    key: string,
    signal: AbortSignal | undefined,
    run: (life: Life, signal: AbortSignal) => Promise<void>,
  ): Promise<void> => {
    const now = living();
    const what = `the change of ${key}`;
    if (signal?.aborted) throw abortError(ID, what, signal.reason);
    const turn = turns.get(key) ?? inTurn();
    turns.set(key, turn);
    const ends = signalOf(now, signal);
    const work = turn(async () => {
      // A watch that was asked for before sees what is changed after it.
      await Promise.allSettled(now.beginning);
      await run(now, ends);
    });
    now.pending.add(work);
    const leave = (): void => {
      now.pending.delete(work);
      if (now.pending.size === 0) turns.clear();
    };
    work.then(leave, leave);
    try {
      await within(0, what, () => work, signal);
    } catch (error) {
      throw signal?.aborted && !(error instanceof MicroError) ? abortError(ID, what, signal.reason) : error;
    }
  };

  /** The Deployments and Pods that a selector finds, once. */
  const listBoth = async ({ api }: Life, namespace: string, selector: string, signal: AbortSignal) => {
    const list = (kind: string, path: string) =>
      listAll({ api, what: `reading the ${kind} of ${namespace}`, path, selector, signal });
    const [deployments, pods] = await Promise.all([
      list('Deployments', deploymentsPath(namespace)),
      list('Pods', podsPath(namespace)),
    ]);
    return { deployments: deployments.objects, podsOf: groupPods(pods.objects) };
  };

  const start = async (signal: AbortSignal): Promise<void> => {
    if (life !== undefined) return;
    signal.throwIfAborted();
    const cluster = await loadCluster(settings);
    const api = createApi(cluster, timeoutMs, logger);
    try {
      const namespace = settings.namespace ?? cluster.namespace;
      const what = `reading the Deployments of ${namespace}`;
      const query = { limit: 1, labelSelector: selectorOf({}) };
      await api.ask({ what, path: deploymentsPath(namespace), query, signal });
    } catch (error) {
      api.close();
      throw error;
    }
    life = { api, cluster, controller: new AbortController(), pending: new Set(), beginning: new Set() };
  };

  const stop = async (): Promise<void> => {
    if (life === undefined) return;
    const { api, controller, pending } = life;
    life = undefined;
    controller.abort(k8sError(CODE.unavailable, 'the runtime was stopped'));
    // What was half made is taken back, within the deadlines of two questions.
    await within(STOP_MS + 2 * timeoutMs, 'the stop', () => Promise.allSettled(pending)).catch(() => {});
    api.close();
  };

  const logs = async function* (
    workload: Workload,
    { namespace: chosen, follow = false, count, signal }: LogOptions,
    end: AbortController,
  ): AsyncGenerator<LogLine, void, undefined> {
    const names = namesOf(workload);
    if (count !== undefined && !(count >= 0)) {
      throw k8sError(CODE.badRequest, `${String(count)} is no number of lines: give 0 or more`);
    }
    const now = living();
    const { api } = now;
    const namespace = namespaceOf(now, chosen);
    const ends = signalOf(now, signal);
    if (ends.aborted) return;
    const onEnd = (): void => end.abort(ends.reason);
    ends.addEventListener('abort', onEnd, { once: true });
    try {
      const selector = selectorOf(workload);
      const found = await listBoth(now, namespace, selector, end.signal);
      const deployment = found.deployments.find((one) => isMeant(identityOf(one), workload));
      if (deployment === undefined) {
        throw k8sError(
          CODE.notFound,
          `there is no ${workload.name} ${workload.version} in ${namespace}, so it has no logs`,
        );
      }
      const last = Math.floor(count ?? Number.POSITIVE_INFINITY);
      const reading = { api, namespace, container: names.container, timeoutMs, watchMs, count: last, end };
      const uid = textAt(deployment, 'metadata', 'uid') ?? '';
      const lines = follow
        ? followedLines(
            reading,
            uid,
            openFeed({ api, namespace, selector, watchMs, graceMs: timeoutMs, signal: end.signal }),
          )
        : pastLines(reading, found.podsOf(deployment));
      for await (const line of lines) {
        // What was read ahead is not wanted any more.
        if (end.signal.aborted) return;
        yield line;
      }
    } catch (error) {
      // Who asked for the end knows of it.
      if (!ends.aborted && end.signal.reason !== LEFT) throw error;
    } finally {
      ends.removeEventListener('abort', onEnd);
      end.abort();
    }
  };

  return {
    name: 'k8s',

    async create(workload, createOptions = {}) {
      const plan = planOf(workload, createOptions, namespaceOf(living(), createOptions.namespace));
      imageOf(plan, settings);
      await changing(`${plan.namespace}/${plan.names.object}`, createOptions.signal, ({ api }, signal) =>
        createObjects(api, settings, plan, randomUUID(), signal),
      );
    },

    async read({ signal, namespace: chosen, ...meant } = {}) {
      const now = living();
      const namespace = namespaceOf(now, chosen);
      const found = await listBoth(now, namespace, selectorOf(meant), signalOf(now, signal));
      return found.deployments.flatMap((deployment) => {
        const view = viewOf(deployment, found.podsOf(deployment), fieldManager);
        return view !== undefined && isMeant(view, meant) ? [view] : [];
      });
    },

    async update(workload, updateOptions = {}) {
      const plan = planOf(workload, updateOptions, namespaceOf(living(), updateOptions.namespace));
      await changing(`${plan.namespace}/${plan.names.object}`, updateOptions.signal, ({ api }, signal) =>
        updateObjects(api, settings, plan, signal),
      );
    },

    async delete(workload, { namespace: chosen, signal: given } = {}) {
      const { object } = namesOf(workload);
      const namespace = namespaceOf(living(), chosen);
      await changing(`${namespace}/${object}`, given, ({ api }, signal) =>
        deleteObjects(api, namespace, workload, signal),
      );
    },

    logs(workload, logOptions = {}) {
      const end = new AbortController();
      return leavable(logs(workload, logOptions, end), end);
    },

    watch({ signal, namespace: chosen, ...meant } = {}) {
      const end = new AbortController();
      try {
        const now = living();
        const namespace = namespaceOf(now, chosen);
        const selector = selectorOf(meant);
        const ends = signalOf(now, signal);
        if (ends.aborted) end.abort();
        else ends.addEventListener('abort', () => end.abort(ends.reason), { once: true, signal: end.signal });
        const isOne = (workload: RunningWorkload): boolean => isMeant(workload, meant);
        const { api, beginning } = now;
        const feed = openFeed({ api, namespace, selector, watchMs, graceMs: timeoutMs, signal: end.signal });
        // Changes count from now on, not from when the first one is asked for.
        const begun = feed.ready.then(() => viewsOf(feed, fieldManager, isOne));
        beginning.add(begun);
        begun.catch(() => {}).finally(() => beginning.delete(begun));
        const events = watchWorkloads(feed, fieldManager, isOne, begun, end);
        return leavable(events, end);
      } catch (error) {
        return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
      }
    },

    start: () => lifeInTurn(() => start(opening.signal)),

    stop() {
      // The turn comes when the start before it has ended.
      opening.abort(k8sError(CODE.unavailable, 'the runtime was stopped while it started'));
      return lifeInTurn(async () => {
        opening = new AbortController();
        await stop();
      });
    },
  };
}

/** Whether a workload is one of those that were asked for. */
function isMeant(
  workload: Pick<Workload, 'name' | 'version'> | undefined,
  { name, version }: RuntimeReadOptions,
): boolean {
  return (
    workload !== undefined &&
    (name === undefined || name === workload.name) &&
    (version === undefined || version === workload.version)
  );
}

const LEFT = new Error('the reader has left');

/** A sequence whose reader may leave while it waits. */
function leavable<T>(items: AsyncGenerator<T, void, undefined>, end: AbortController): AsyncIterableIterator<T> {
  const iterator: AsyncIterableIterator<T> = {
    next: () => items.next(),
    return() {
      end.abort(LEFT);
      return items.return();
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}
