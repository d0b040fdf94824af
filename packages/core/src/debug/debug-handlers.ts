import type { Span, Stats, Tracer } from '../contract/debug.ts';
import type { HandlersOf } from '../contract/typed.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { type DebugLogRequest, type DebugService, type DebugSpan, SPAN_TYPE } from './debug-service.ts';
import type { LogQuery, LogRing } from './log-ring.ts';

/** What `Debug` answers from. */
export interface DebugSources {
  /** `ok`, or what is not. */
  readonly health: () => string;
  readonly stats: () => Stats;
  /** Absent: no line is kept. */
  readonly logs: LogRing | undefined;
  /** Absent: there are no spans. */
  readonly tracer: Tracer | undefined;
}

const NANOSECONDS_PER_MS = 1e6;
/** A smaller number of seconds counts back from now: go-micro's .proto says so, its code takes a time. */
const FIRST_EPOCH_SECOND = 1_000_000_000n;

/**
 * The handlers of go-micro's service `Debug`. Unlike there, `Health` says `ok` only while the service wants to be called,
 * `Stats` is about now, and `Log` keeps to `count` and `since` and ends when its reader goes.
 */
export function debugHandlers({ health, stats, logs, tracer }: DebugSources): HandlersOf<DebugService> {
  return {
    health: () => ({ status: health() }),
    stats,
    trace: ({ id }) => ({ spans: (tracer?.read(id === '' ? undefined : id) ?? []).map(wireSpan) }),
    async *log(request, ctx) {
      if (logs === undefined) return;
      const query = logQuery(request);
      const records = request.stream ? logs.follow(query, ctx.signal) : logs.read(query);
      for await (const { timestamp, metadata, message } of records) {
        yield { timestamp: BigInt(Math.floor(timestamp / 1_000)), metadata: { ...metadata }, message };
      }
    },
  };
}

function logQuery({ count, since }: DebugLogRequest): LogQuery {
  if (count < 0n || since < 0n) {
    throw new MicroError({
      id: 'go.micro.server',
      code: CODE.badRequest,
      detail: `count ${count} and since ${since} of a log request must not be negative: 0 is all lines`,
    });
  }
  if (since === 0n) return { count: Number(count), since: 0 };
  const seconds = since < FIRST_EPOCH_SECOND ? Date.now() / 1_000 - Number(since) : Number(since);
  return { count: Number(count), since: seconds * 1_000 };
}

function wireSpan(span: Span): Omit<DebugSpan, '$typeName' | '$unknown'> {
  return {
    trace: span.trace,
    id: span.id,
    parent: span.parent,
    name: span.name,
    started: nanoseconds(span.started),
    duration: nanoseconds(span.durationMs),
    metadata: { ...span.metadata },
    type: SPAN_TYPE[span.kind],
  };
}

/** A time since the epoch has more digits than a number of nanoseconds can hold, so it is taken apart. */
function nanoseconds(ms: number): bigint {
  const whole = Math.floor(ms);
  return BigInt(whole) * BigInt(NANOSECONDS_PER_MS) + BigInt(Math.round((ms - whole) * NANOSECONDS_PER_MS));
}
