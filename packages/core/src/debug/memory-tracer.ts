import type { Context } from '../contract/context.ts';
import type { Span, Tracer } from '../contract/debug.ts';
import type { Middleware, Request } from '../contract/middleware.ts';
import { now } from '../util/clock.ts';
import { reasonOf } from '../util/reason.ts';
import { type Finish, followed } from './followed.ts';
import { createRing } from './ring.ts';
import { newSpanId, newTraceId, readTraceContext, writeTraceContext } from './trace-context.ts';

/** What a memory tracer may take. */
export interface MemoryTracerOptions {
  /** How many spans are kept, the newest ones. Default 256, as in go-micro; 0 keeps none. */
  readonly size?: number | undefined;
}

const SIZE = 256;
/** go-micro's own endpoints are not followed, or looking at traces would push them out. */
const OWN = 'Debug.';

/**
 * Keeps the last spans in memory, where `Debug.Trace` finds them. It goes on with traces that are named in go-micro's fields
 * (`Micro-Trace-Id`, `Micro-Span-Id`) or in W3C's `traceparent`, and names its own in both, so services that trace
 * otherwise see one trace. Every call is followed; nothing is sent anywhere.
 */
export function memoryTracer({ size = SIZE }: MemoryTracerOptions = {}): Tracer {
  const ring = createRing<Span>(size);

  const middleware =
    (kind: Span['kind']): Middleware =>
    (next) =>
    (request, ctx) => {
      if (request.endpoint.startsWith(OWN)) return next(request, ctx);
      const finish = begin(kind, request, ctx, (span) => ring.push(span));
      return followed(() => next(request, ctx), finish);
    };

  return {
    name: 'memory',
    handler: middleware('inbound'),
    client: middleware('outbound'),
    read: (trace) => (trace === undefined ? ring.read() : ring.read().filter((span) => span.trace === trace)),
    async close() {},
  };
}

function begin(kind: Span['kind'], request: Request, ctx: Context, ended: (span: Span) => void): Finish {
  const { trace = newTraceId(), parent = '', sampled = true } = readTraceContext(ctx.metadata) ?? {};
  const id = newSpanId();
  writeTraceContext(ctx.metadata, { trace, parent: id, sampled });
  const started = now();
  return (error) => {
    ended({
      trace,
      id,
      parent,
      name: `${request.service}.${request.endpoint}`,
      started,
      durationMs: now() - started,
      kind,
      metadata: error === undefined ? {} : { error: reasonOf(error) },
    });
  };
}
