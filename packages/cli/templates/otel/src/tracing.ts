import type { Context, Middleware, Request, Tracer } from '@micro/core';
import { followed, readTraceContext, writeTraceContext } from '@micro/core/plugin';
import {
  type Context as Parent,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, type SpanProcessor } from '@opentelemetry/sdk-trace-base';

/**
 * Sends a span for every call, made or served, to where OpenTelemetry's variables say: `OTEL_EXPORTER_OTLP_ENDPOINT`,
 * `OTEL_TRACES_SAMPLER`, `OTEL_BSP_SCHEDULE_DELAY` and their like. `undefined`, and nothing is traced, without an endpoint.
 */
export function otelTracer(service: string, env: NodeJS.ProcessEnv = process.env): Tracer | undefined {
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (!endpoint || env.OTEL_SDK_DISABLED === 'true') return undefined;
  return spanTracer(service, new BatchSpanProcessor(new OTLPTraceExporter()));
}

/** The same over any processor of spans, such as one that keeps them in memory for a test. */
export function spanTracer(service: string, processor: SpanProcessor): Tracer {
  // What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say counts for more.
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': service }))
    .merge(detectResources({ detectors: [envDetector] }));
  const provider = new BasicTracerProvider({ resource, spanProcessors: [processor] });
  const tracer = provider.getTracer('micro');

  const middleware =
    (kind: SpanKind): Middleware =>
    (next) =>
    (request, ctx) => {
      // What looks at the service is not what it does.
      if (request.endpoint.startsWith('Debug.')) return next(request, ctx);
      const name = `${request.service}.${request.endpoint}`;
      const span = tracer.startSpan(name, { kind, attributes: attributesOf(request) }, parentOf(ctx));
      handOn(span, ctx);
      return followed(
        () => next(request, ctx),
        (error) => finish(span, error),
      );
    };

  return {
    name: 'otel',
    handler: middleware(SpanKind.SERVER),
    client: middleware(SpanKind.CLIENT),
    // They are at the collector, and not kept here.
    read: () => [],
    // Sends what is left.
    close: () => provider.shutdown(),
  };
}

function attributesOf({ service, endpoint, kind }: Request) {
  return { 'rpc.system': 'micro', 'rpc.service': service, 'rpc.method': endpoint, 'micro.kind': kind };
}

/** The span that the call comes from; none where a trace begins. */
function parentOf({ metadata }: Context): Parent {
  const found = readTraceContext(metadata);
  if (found === undefined) return ROOT_CONTEXT;
  // go-micro writes UUIDs, OpenTelemetry the same without dashes. A parent that is neither is no parent.
  const traceId = found.trace.replaceAll('-', '').toLowerCase();
  const traceFlags = found.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId: found.parent, traceFlags, isRemote: true });
}

/** Names the span to whoever is called from here, which is everyone who is given `ctx`. */
function handOn(span: Span, { metadata }: Context): void {
  const { traceId, spanId, traceFlags } = span.spanContext();
  writeTraceContext(metadata, {
    trace: traceId,
    parent: spanId,
    sampled: (traceFlags & TraceFlags.SAMPLED) !== 0,
  });
}

function finish(span: Span, error: unknown): void {
  if (error !== undefined) {
    const message = error instanceof Error ? error.message : String(error);
    span.setStatus({ code: SpanStatusCode.ERROR, message });
  }
  span.end();
}
