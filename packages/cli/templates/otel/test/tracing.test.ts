import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CODE, createService, MicroError, memoryRegistry, memoryTransport, silentLogger } from '@micro/core';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { otelTracer, spanTracer } from '../src/tracing.ts';

test('without an endpoint nothing is traced', () => {
  assert.equal(otelTracer('traced', {}), undefined);
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', OTEL_SDK_DISABLED: 'true' };
  assert.equal(otelTracer('traced', env), undefined);
});

test('with an endpoint there is a tracer, which ends', async () => {
  const tracer = otelTracer('traced', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' });
  assert.equal(tracer?.name, 'otel');
  await tracer?.close();
});

test('a call and what it calls are one trace', async (t) => {
  const { service, spans } = await started(t);
  await service.client.call({ service: 'traced', endpoint: 'Front.Hello' });

  const [served, asked, front, call] = spans();
  assert.deepEqual(
    [call, front, asked, served].map((span) => [span?.name, span?.kind]),
    [
      ['traced.Front.Hello', SpanKind.CLIENT],
      ['traced.Front.Hello', SpanKind.SERVER],
      ['traced.Back.Hello', SpanKind.CLIENT],
      ['traced.Back.Hello', SpanKind.SERVER],
    ],
  );
  assert.equal(new Set(spans().map((span) => span.spanContext().traceId)).size, 1);
  const parents = [front, asked, served].map((span) => span?.parentSpanContext?.spanId);
  assert.deepEqual(
    parents,
    [call, front, asked].map((span) => span?.spanContext().spanId),
  );
  assert.equal(call?.parentSpanContext, undefined);
  assert.equal(call?.resource.attributes['service.name'], 'traced');
});

test('a failure is part of its span', async (t) => {
  const { service, spans } = await started(t);
  await assert.rejects(service.client.call({ service: 'traced', endpoint: 'Back.Fail' }));
  const statuses = spans().map((span) => span.status);
  assert.deepEqual(
    statuses.map(({ code }) => code),
    [SpanStatusCode.ERROR, SpanStatusCode.ERROR],
  );
  assert.match(statuses[0]?.message ?? '', /out of order/);
});

test('a trace of somebody else goes on, recorded or not as they want it', async (t) => {
  const { service, spans } = await started(t);
  const call = (metadata: Record<string, string>) =>
    service.client.call({ service: 'traced', endpoint: 'Back.Hello' }, { metadata });
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const spanId = 'b7ad6b7169203331';

  await call({ traceparent: `00-${traceId}-${spanId}-00` });
  assert.deepEqual(spans(), []);
  await call({ traceparent: `00-${traceId}-${spanId}-01` });
  assert.equal(spans().at(-1)?.spanContext().traceId, traceId);
  assert.equal(spans().at(-1)?.parentSpanContext?.spanId, spanId);
});

/** A service that calls itself, and the spans that have ended so far, the innermost first. */
async function started(t: TestContext) {
  const exporter = new InMemorySpanExporter();
  const service = createService({
    name: 'traced',
    registry: memoryRegistry(),
    transport: memoryTransport(),
    logger: silentLogger(),
    tracer: spanTracer('traced', new SimpleSpanProcessor(exporter)),
  });
  service.server.handle('Front', {
    hello: (_: object, ctx) => service.client.call({ service: 'traced', endpoint: 'Back.Hello' }, ctx),
  });
  service.server.handle('Back', {
    async hello() {
      return {};
    },
    async fail() {
      throw new MicroError({ id: 'traced', code: CODE.internal, detail: 'out of order' });
    },
  });
  await service.start();
  t.after(() => service.stop());
  return { service, spans: () => exporter.getFinishedSpans() };
}
