import { CODE, type LogLine } from '@micro/core';
import { fullJitterMs, sleep } from '@micro/core/plugin';
import type { Feed } from './feed.ts';
import { handOver } from './hand-over.ts';
import { listAt, numberAt, textAt } from './json.ts';
import { k8sError } from './k8s-error.ts';
import { mergeLines } from './merge-lines.ts';
import { type PodLog, type PodLogRange, podLines, type StampedLine } from './pod-log.ts';
import { groupPods } from './workload-view.ts';

/** The logs of one workload. */
export interface LogReading extends Omit<PodLog, 'pod' | 'signal'> {
  /** At most so many of the last lines; `Infinity` is all. */
  readonly count: number;
  /** Ends everything. */
  readonly end: AbortController;
}

/** How far the log of a Pod was read: up to this time, of which so many lines. */
interface Cursor {
  stamp: string;
  lines: number;
}

/** The logs of more Pods at once are no reading matter. */
const MOST_PODS = 100;
/** Lines that wait for a reader; then those who bring them wait as well. */
const LINES_AHEAD = 256;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/** What the Pods of a workload have written up to now, in the order of time. */
export async function* pastLines(
  reading: LogReading,
  pods: readonly unknown[],
  cursors: Map<string, Cursor> = new Map(),
): AsyncGenerator<LogLine, void, undefined> {
  const { count } = reading;
  checkNumber(pods);
  const tail = Number.isFinite(count) ? count : undefined;
  const sources = pods.filter(hasStarted).flatMap((pod) => {
    const log = logOf(pod, reading);
    return log === undefined ? [] : [counted(wholeLog(log, hasRestarted(pod), tail), cursors, log.pod)];
  });
  for await (const { line } of mergeLines(sources, count)) yield line;
}

/**
 * The same, and what they and the Pods that come after them write from then on, as it comes, until the signal aborts or the
 * Deployment is gone. Containers that are started again, and connections that end, are taken up where they were left.
 */
export async function* followedLines(
  reading: LogReading,
  uid: string,
  feed: Feed,
): AsyncGenerator<LogLine, void, undefined> {
  const { end } = reading;
  const { signal } = end;
  const cursors = new Map<string, Cursor>();
  const followed = new Set<string>();
  const lines = handOver<LogLine>(LINES_AHEAD);
  const begun = Date.now();

  const followPod = async (log: PodLog, wasThere: boolean): Promise<void> => {
    let failures = 0;
    let isFirst = true;
    while (!signal.aborted && isListed(feed, log.pod)) {
      const { stamp: from, lines: already } = cursors.get(log.pod) ?? { stamp: '', lines: 0 };
      let skip = already;
      let isNew = false;
      const range = from === '' ? rangeOf(wasThere && reading.count === 0, isFirst, begun) : { since: secondOf(from) };
      isFirst = false;
      try {
        for await (const { line, stamp } of podLines(log, { follow: true, ...range })) {
          // Kubernetes counts in whole seconds here: what was read of the first one is left out.
          if (stamp < from || (stamp === from && skip-- > 0)) continue;
          isNew = true;
          advance(cursors, log.pod, stamp);
          await lines.put(line);
        }
        failures = isNew ? 0 : failures + 1;
      } catch (error) {
        if (signal.aborted) return;
        if (isRefused(error)) return lines.fail(error);
        failures += 1;
      }
      await sleep(FIRST_PAUSE_MS / 2 + fullJitterMs(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, failures), signal);
    }
  };

  const supervise = async (known: ReadonlySet<string>): Promise<void> => {
    try {
      while (!signal.aborted) {
        const deployment = feed.deployments.get(uid);
        if (deployment === undefined) break;
        const pods = groupPods(feed.pods.values())(deployment);
        checkNumber(pods);
        for (const pod of pods.filter(hasStarted)) {
          const log = logOf(pod, reading);
          if (log === undefined || followed.has(log.pod)) continue;
          followed.add(log.pod);
          // It has caught all that can go wrong.
          void followPod(log, known.has(log.pod)).finally(() => followed.delete(log.pod));
        }
        await feed.changed();
      }
      lines.end();
    } catch (error) {
      if (signal.aborted) lines.end();
      else lines.fail(error);
    }
  };

  try {
    await feed.ready;
    const deployment = feed.deployments.get(uid);
    if (deployment === undefined) return;
    const pods = groupPods(feed.pods.values())(deployment);
    yield* pastLines(reading, pods, cursors);
    const known = new Set(pods.map((pod) => textAt(pod, 'metadata', 'name') ?? ''));
    void supervise(known);
    yield* lines.items();
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    lines.end();
    end.abort();
  }
}

/** The log of a Pod, with that of the container before this one when it was started again. */
async function* wholeLog(
  log: PodLog,
  restarted: boolean,
  tail: number | undefined,
): AsyncGenerator<StampedLine, void, undefined> {
  if (restarted) yield* podLines(log, { previous: true, tail });
  yield* podLines(log, { tail });
}

/** Remembers how far a log was read, also for lines that are not among the last ones of all. */
async function* counted(
  lines: AsyncIterable<StampedLine>,
  cursors: Map<string, Cursor>,
  pod: string,
): AsyncGenerator<StampedLine, void, undefined> {
  for await (const line of lines) {
    advance(cursors, pod, line.stamp);
    yield line;
  }
}

function advance(cursors: Map<string, Cursor>, pod: string, stamp: string): void {
  const cursor = cursors.get(pod);
  if (cursor === undefined) cursors.set(pod, { stamp, lines: 1 });
  else if (stamp === cursor.stamp) cursor.lines += 1;
  else if (stamp > cursor.stamp) {
    cursor.stamp = stamp;
    cursor.lines = 1;
  }
}

/** The container of a Pod; names that could be anything else than a part of a path are nobody's. */
function logOf(pod: unknown, { end, ...reading }: LogReading): PodLog | undefined {
  const name = textAt(pod, 'metadata', 'name') ?? '';
  return /^[a-z0-9][-a-z0-9.]*$/.test(name) ? { ...reading, signal: end.signal, pod: name } : undefined;
}

function hasStarted(pod: unknown): boolean {
  return listAt(pod, 'status', 'containerStatuses').some(
    (status) =>
      hasState(status, 'running') || hasState(status, 'terminated') || (numberAt(status, 'restartCount') ?? 0) > 0,
  );
}

function hasState(status: unknown, state: string): boolean {
  return (
    textAt(status, 'state', state, 'startedAt') !== undefined ||
    textAt(status, 'lastState', state, 'startedAt') !== undefined
  );
}

function hasRestarted(pod: unknown): boolean {
  return listAt(pod, 'status', 'containerStatuses').some((status) => (numberAt(status, 'restartCount') ?? 0) > 0);
}

function isListed({ pods }: Feed, name: string): boolean {
  return [...pods.values()].some((pod) => textAt(pod, 'metadata', 'name') === name);
}

function isRefused(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === CODE.forbidden || code === CODE.unauthorized;
}

function checkNumber(pods: readonly unknown[]): void {
  if (pods.length <= MOST_PODS) return;
  throw k8sError(
    CODE.tooManyRequests,
    `a workload of ${pods.length} pods has too many logs: at most ${MOST_PODS} are read`,
  );
}

/** Where to begin in a log of which nothing was read. When nothing of before is wanted, our clock is the second best. */
function rangeOf(onlyNew: boolean, isFirst: boolean, begun: number): PodLogRange {
  if (!onlyNew) return {};
  return isFirst ? { tail: 0 } : { since: new Date(begun).toISOString() };
}

/** The whole second that a stamp lies in, in RFC 3339. */
function secondOf(stamp: string): string {
  return new Date(Number(stamp.slice(0, 15))).toISOString();
}
