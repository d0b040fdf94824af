import { CODE } from '@micro/core';
import { fullJitterMs, now, onAbort, sleep } from '@micro/core/plugin';
import { type Api, isHopeless } from './api.ts';
import { listAt, textAt } from './json.ts';
import { isRefusal, k8sError, refusalError, refusalOf } from './k8s-error.ts';
import { linesOf } from './lines.ts';

/** What is to be known of one kind of object, all the time. */
export interface Reflection {
  readonly api: Api;
  /** For errors: `watching the Deployments of default`. */
  readonly what: string;
  /** Of the collection. */
  readonly path: string;
  readonly selector: string;
  readonly watchMs: number;
  readonly graceMs: number;
  readonly signal: AbortSignal;
  /** All that there is. Called first, and again whenever something may have been missed. */
  replace(objects: readonly unknown[]): void;
  change(type: 'set' | 'gone', object: unknown): void;
}

const PAGE = 250;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** No object that etcd keeps is larger. */
const LONGEST_EVENT = 8 * 1_048_576;
/** A watch that ends sooner has not worked. */
const SHORT_MS = 1_000;
/** A server that has just begun refuses for a moment what it allows later. */
const MOST_REFUSALS = 5;

/** All objects of a collection, and the version at which they were read. */
export async function listAll({
  api,
  what,
  path,
  selector,
  signal,
}: Pick<Reflection, 'api' | 'what' | 'path' | 'selector'> & { signal?: AbortSignal | undefined }): Promise<{
  readonly objects: readonly unknown[];
  readonly version: string;
}> {
  const objects: unknown[] = [];
  let next: string | undefined;
  let limit: number | undefined = PAGE;
  for (;;) {
    const query = { labelSelector: selector, limit, continue: next };
    let page: unknown;
    try {
      page = await api.ask({ what, path, query, signal });
    } catch (error) {
      // The pages took so long that the server has forgotten what the first was of: then all at once.
      if (next === undefined || !isRefusal(error, 410)) throw error;
      objects.length = 0;
      next = undefined;
      limit = undefined;
      continue;
    }
    objects.push(...listAt(page, 'items'));
    next = textAt(page, 'metadata', 'continue') || undefined;
    if (next === undefined) return { objects, version: textAt(page, 'metadata', 'resourceVersion') ?? '' };
  }
}

/**
 * Keeps somebody informed of all objects of a collection until the signal aborts: lists them, watches, and lists them anew
 * after whatever went wrong, with jittered pauses. Each watch request has an end, so that a server which says nothing any
 * more is found out. Throws when the first list fails, and when the server goes on refusing.
 */
export async function reflect(reflection: Reflection): Promise<void> {
  const { signal } = reflection;
  let version: string | undefined;
  let isKnown = false;
  let failures = 0;
  let refusals = 0;
  let forgotten = 0;
  while (!signal.aborted) {
    const begun = now();
    try {
      if (version === undefined) {
        const found = await listAll(reflection);
        if (signal.aborted) return;
        reflection.replace(found.objects);
        version = found.version;
        isKnown = true;
      }
      version = await watchOnce(reflection, version);
      refusals = 0;
      forgotten = 0;
      failures = now() - begun < SHORT_MS ? failures + 1 : 0;
    } catch (error) {
      if (signal.aborted) return;
      if (!isKnown || (isHopeless(error) && ++refusals > MOST_REFUSALS)) throw error;
      version = undefined;
      // What the server has forgotten is simply listed, unless it forgets everything.
      if (!isRefusal(error, 410) || ++forgotten > 1) failures += 1;
    }
    if (failures > 0) await sleep(fullJitterMs(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, failures), signal);
  }
}

/** Watches until the server ends it as it was asked to; returns the version to go on from. */
async function watchOnce(
  { api, what, path, selector, watchMs, graceMs, signal, change }: Reflection,
  from: string,
): Promise<string> {
  let version = from;
  const seconds = Math.max(1, Math.ceil((watchMs / 1_000) * (0.75 + Math.random() / 4)));
  const query = {
    ...{ watch: true, allowWatchBookmarks: true, labelSelector: selector },
    ...{ resourceVersion: from, timeoutSeconds: seconds },
  };
  const end = new AbortController();
  const detach = onAbort(signal, () => end.abort(signal.reason));
  let timer: NodeJS.Timeout | undefined;
  try {
    const response = await api.open({ what, path, query, signal: end.signal });
    const late = k8sError(CODE.timeout, `${what} ended: the API server at ${api.where} does not say anything`);
    if (graceMs > 0) timer = setTimeout(() => end.abort(late), seconds * 1_000 + graceMs);
    for await (const { text, isRest } of linesOf(response as AsyncIterable<Buffer>, LONGEST_EVENT)) {
      if (isRest || text.length === LONGEST_EVENT)
        throw k8sError(CODE.tooLarge, `${what} failed: an event is too large`);
      const event: unknown = JSON.parse(text);
      const type = textAt(event, 'type');
      const object = (event as { object?: unknown }).object;
      if (type === 'ERROR') throw refusalError(what, api.where, refusalOf(object));
      version = textAt(object, 'metadata', 'resourceVersion') ?? version;
      if (type === 'ADDED' || type === 'MODIFIED') change('set', object);
      else if (type === 'DELETED') change('gone', object);
    }
    return version;
  } catch (cause) {
    throw api.broken(what, end.signal.aborted ? end.signal.reason : cause);
  } finally {
    clearTimeout(timer);
    detach();
    // Whatever ended it, its connection is not left open.
    end.abort();
  }
}
