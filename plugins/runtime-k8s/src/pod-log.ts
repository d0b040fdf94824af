import type { IncomingMessage } from 'node:http';
import { CODE, type LogLine } from '@micro/core';
import type { Api } from './api.ts';
import { podsPath } from './feed.ts';
import { isRefusal, k8sError } from './k8s-error.ts';
import { linesOf } from './lines.ts';

/** A line of one container, and when it was written to the nanosecond. */
export interface StampedLine {
  readonly line: LogLine;
  /** Texts of it stand in the order of time. */
  readonly stamp: string;
}

/** Whose log is meant. */
export interface PodLog {
  readonly api: Api;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** How long nothing may come of what has been written already, in milliseconds. 0 is for ever. */
  readonly timeoutMs: number;
  /** How long nothing may come of what is followed, before it is asked for anew. */
  readonly watchMs: number;
  readonly signal: AbortSignal;
}

/** Which lines of it. */
export interface PodLogRange {
  /** The container that ran before this one, in the same Pod. */
  readonly previous?: boolean | undefined;
  readonly follow?: boolean | undefined;
  /** At most so many of the last lines. */
  readonly tail?: number | undefined;
  /** Only what was written since, in RFC 3339. */
  readonly since?: string | undefined;
}

/** The same as core's own runtime: a longer line comes in pieces. */
const LONGEST_LINE = 16_384;
/** Kubernetes writes this before each line when it is asked to. */
const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ?/;

/**
 * Reads the log of one container. There is none when it has not been started yet, and none any more when its Pod is gone.
 * What is followed ends as well when nothing has come for a while: then it may be the server that says nothing. What is not
 * followed is a 408 then.
 */
export async function* podLines(
  { api, namespace, pod, container, timeoutMs, watchMs, signal }: PodLog,
  { previous, follow, tail, since }: PodLogRange,
): AsyncGenerator<StampedLine, void, undefined> {
  const what = `reading the log of pod ${pod}`;
  const query = { container, previous, follow, timestamps: true, tailLines: tail, sinceTime: since };
  const end = new AbortController();
  const silence = k8sError(
    CODE.timeout,
    `${what} ended: the API server at ${api.where} says nothing for ${timeoutMs} ms`,
  );
  let response: IncomingMessage;
  try {
    const path = `${podsPath(namespace)}/${pod}/log`;
    response = await api.open({ what, path, query, signal: AbortSignal.any([signal, end.signal]) });
  } catch (error) {
    if (hasNoLog(error)) return;
    throw error;
  }
  try {
    const chunks = attended(response, follow ? watchMs : timeoutMs, () => end.abort(silence));
    let last = stampOf('1970-01-01T00:00:00', '', 'Z');
    for await (const { text, isRest } of linesOf(chunks, LONGEST_LINE)) {
      const found = isRest ? undefined : STAMP.exec(text);
      const stamped = found ? stampOf(found[1], found[2], found[3]) : last;
      // What looks like a time and is none, such as a 99th month, came with the line.
      last = Number.isNaN(stamped.ms) ? last : stamped;
      const message = found && stamped === last ? text.slice(found[0].length) : text;
      const line = Object.freeze({ message, stream: 'stdout' as const, timestamp: last.ms });
      yield { line, stamp: last.stamp };
    }
  } catch (cause) {
    if (signal.aborted || (follow && end.signal.aborted)) return;
    throw api.broken(what, end.signal.aborted ? silence : cause);
  } finally {
    // Its reader may have left in the middle.
    end.abort();
  }
}

/** The same chunks. Says when one that is waited for does not come; a reader who takes their time is none of that. */
async function* attended(
  chunks: AsyncIterable<Buffer>,
  ms: number,
  onSilence: () => void,
): AsyncGenerator<Buffer, void, undefined> {
  let timer = ms > 0 ? setTimeout(onSilence, ms) : undefined;
  try {
    for await (const chunk of chunks) {
      clearTimeout(timer);
      yield chunk;
      timer = ms > 0 ? setTimeout(onSilence, ms) : undefined;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** A container that waits to be started, one that was never started before, and a Pod that is gone have nothing to say. */
function hasNoLog(error: unknown): boolean {
  return isRefusal(error, 404) || isRefusal(error, 400);
}

function stampOf(seconds = '', fraction = '', zone = 'Z'): { readonly stamp: string; readonly ms: number } {
  const whole = Date.parse(`${seconds}${zone}`);
  const nanos = fraction.padEnd(9, '0');
  return { stamp: `${String(whole).padStart(15, '0')}.${nanos}`, ms: whole + Math.floor(Number(nanos) / 1e6) };
}
