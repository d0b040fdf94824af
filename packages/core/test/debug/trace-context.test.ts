import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memoryTracer } from '../../src/debug/memory-tracer.ts';
import { newSpanId, newTraceId, readTraceContext, writeTraceContext } from '../../src/debug/trace-context.ts';
import { createMetadata } from '../../src/util/metadata.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const UUID = '0af76519-16cd-43dd-8448-eb211c80319c';

const read = (metadata: Record<string, string>) => readTraceContext(createMetadata(metadata));

describe('a trace context', () => {
  test('is read from what W3C writes', () => {
    expect(read({ traceparent: `00-${TRACE}-${SPAN}-01` })).toEqual({ trace: TRACE, parent: SPAN, sampled: true });
    expect(read({ traceparent: `cc-${TRACE}-${SPAN}-00-what-comes` })).toEqual({
      trace: TRACE,
      parent: SPAN,
      sampled: false,
    });
  });

  test.each([
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}`,
    'garbage',
    '',
    `00-${TRACE}-${SPAN}-01-${'x'.repeat(1_000)}`,
  ])('is not read from %j, which W3C does not allow', (traceparent) => {
    expect(read({ traceparent })).toBeUndefined();
  });

  test('is read from what go-micro writes, with and without a span', () => {
    expect(read({ 'Micro-Trace-Id': UUID, 'Micro-Span-Id': 'abc' })).toEqual({
      trace: UUID,
      parent: 'abc',
      sampled: true,
    });
    expect(read({ 'micro-trace-id': UUID })).toEqual({ trace: UUID, parent: '', sampled: true });
    expect(read({ 'Micro-Trace-Id': 'x'.repeat(65) })).toBeUndefined();
    expect(read({ 'Micro-Trace-Id': 'a b' })).toBeUndefined();
    expect(read({})).toBeUndefined();
  });

  test('takes the nearer span where both say something of one trace, and W3C where they differ', () => {
    const traceparent = `00-${TRACE}-${SPAN}-01`;
    const both = { traceparent, 'Micro-Trace-Id': UUID, 'Micro-Span-Id': 'nearer' };
    expect(read(both)).toEqual({ trace: UUID, parent: 'nearer', sampled: true });
    const unsampled = { ...both, traceparent: `00-${TRACE}-${SPAN}-02` };
    expect(read(unsampled)).toEqual({ trace: UUID, parent: 'nearer', sampled: false });
    expect(read({ ...both, 'Micro-Trace-Id': 'other' })).toEqual({ trace: TRACE, parent: SPAN, sampled: true });
  });

  test('is written in both forms where both can carry it, and never leaves an old one behind', () => {
    const metadata = createMetadata({ traceparent: 'old' });
    writeTraceContext(metadata, { trace: UUID, parent: SPAN, sampled: true });
    expect(Object.fromEntries(metadata)).toEqual({
      'Micro-Trace-Id': UUID,
      'Micro-Span-Id': SPAN,
      Traceparent: `00-${TRACE}-${SPAN}-01`,
    });
    writeTraceContext(metadata, { trace: UUID, parent: SPAN, sampled: false });
    expect(metadata.get('traceparent')).toBe(`00-${TRACE}-${SPAN}-00`);
    writeTraceContext(metadata, { trace: 'short', parent: SPAN, sampled: true });
    expect(metadata.has('traceparent')).toBe(false);
  });

  test('comes back as it was written, whatever else came in', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (...texts) => {
        const metadata = createMetadata();
        const names = ['traceparent', 'micro-trace-id', 'micro-span-id'];
        for (const [index, text] of texts.entries()) {
          // What could not travel is refused before it gets here.
          try {
            metadata.set(names[index] ?? '', text);
          } catch {}
        }
        readTraceContext(metadata);
        const trace = newTraceId();
        const span = newSpanId();
        const written = { trace, parent: span, sampled: true };
        writeTraceContext(metadata, written);
        expect(readTraceContext(metadata)).toEqual(written);
      }),
    );
  });
});

test('a memory tracer keeps the newest spans, of streams too, with what went wrong', async () => {
  const tracer = memoryTracer({ size: 2 });
  const call = async (name: string, run: () => unknown): Promise<void> => {
    const request = { service: 's', endpoint: name, kind: 'unary', contentType: '', body: {} } as const;
    const ctx = { metadata: createMetadata() } as Parameters<ReturnType<typeof tracer.handler>>[1];
    const result = await tracer.handler(run)(request, ctx);
    if (typeof result === 'object' && result !== null && Symbol.asyncIterator in result) {
      for await (const _ of result as AsyncIterable<unknown>) break;
    }
  };
  await call('A.One', () => 1);
  await call('Debug.Stats', () => 1);
  await call('A.Two', async function* () {
    yield 1;
    yield 2;
  });
  const failing = async (): Promise<never> => {
    throw new Error('No luck');
  };
  await expect(call('A.Three', failing)).rejects.toThrow('No luck');
  expect(tracer.read().map(({ name, metadata }) => [name, { ...metadata }])).toEqual([
    ['s.A.Two', {}],
    ['s.A.Three', { error: 'no luck' }],
  ]);
  await expect(
    call('A.Four', () => {
      throw new Error('at once');
    }),
  ).rejects.toThrow('at once');
  const [last] = tracer.read().slice(-1);
  expect(last).toMatchObject({ metadata: { error: 'at once' }, kind: 'inbound', parent: '' });
  expect(tracer.read(last?.trace)).toEqual([last]);
  expect(tracer.read('nobody')).toEqual([]);
});
