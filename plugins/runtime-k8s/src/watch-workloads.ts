import type { RunningWorkload, RuntimeEvent } from '@micro/core';
import type { Feed } from './feed.ts';
import { groupPods, viewOf } from './workload-view.ts';

/**
 * What comes, changes and goes from when the feed was ready, until the signal aborts. However slow the one who reads it is:
 * what has changed several times meanwhile is told once, as it is now.
 */
export async function* watchWorkloads(
  feed: Feed,
  manager: string,
  isMeant: (workload: RunningWorkload) => boolean,
  begun: Promise<ReadonlyMap<string, RunningWorkload>>,
  end: AbortController,
): AsyncGenerator<RuntimeEvent, void, undefined> {
  try {
    let told = await begun;
    while (!end.signal.aborted) {
      await feed.changed();
      if (end.signal.aborted) return;
      const now = viewsOf(feed, manager, isMeant);
      for (const [uid, workload] of told) {
        if (!now.has(uid)) yield { type: 'delete', workload: { ...workload, status: 'stopped' } };
      }
      for (const [uid, workload] of now) {
        const before = told.get(uid);
        if (before === undefined) yield { type: 'create', workload };
        else if (JSON.stringify(before) !== JSON.stringify(workload)) yield { type: 'update', workload };
      }
      told = now;
    }
  } catch (error) {
    if (!end.signal.aborted) throw error;
  } finally {
    end.abort();
  }
}

/** The workloads of a feed, by the uid of their Deployments. */
export function viewsOf(
  feed: Feed,
  manager: string,
  isMeant: (workload: RunningWorkload) => boolean,
): ReadonlyMap<string, RunningWorkload> {
  const views = new Map<string, RunningWorkload>();
  const pods = groupPods(feed.pods.values());
  for (const [uid, deployment] of feed.deployments) {
    const workload = viewOf(deployment, pods(deployment), manager);
    if (workload !== undefined && isMeant(workload)) views.set(uid, workload);
  }
  return views;
}
