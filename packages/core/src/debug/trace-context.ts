import { randomBytes } from 'node:crypto';
import { HEADER } from '../contract/header.ts';
import type { Metadata } from '../contract/metadata.ts';

/** Where a span stands: the trace it belongs to, and the span it was caused by. */
export interface TraceContext {
  readonly trace: string;
  /** `''` for the first span of a trace. */
  readonly parent: string;
  /** Whether its spans are to be recorded, as whoever began the trace decided. go-micro's fields do not say; then they are. */
  readonly sampled: boolean;
}

/** W3C Trace Context: version, trace, parent, flags; later versions may have more behind that. */
const TRACE_PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** What go-micro's tracing writes are UUIDs; other ids are taken as they are, within reason. */
const ID = /^[\x21-\x7e]{1,64}$/;
const TRACE_HEX = /^[0-9a-f]{32}$/;
const SPAN_HEX = /^[0-9a-f]{16}$/;

/** A new id of a trace, in the form that both W3C and go-micro can carry. */
export function newTraceId(): string {
  return randomBytes(16).toString('hex');
}

/** A new id of a span, in the form that both W3C and go-micro can carry. */
export function newSpanId(): string {
  return randomBytes(8).toString('hex');
}

/**
 * The trace that metadata names, in W3C's form or in go-micro's. Where it has both and they name one trace, go-micro's span
 * is the nearer one: a Go service in between renews its own field and forwards the other. Unlike in go-micro, a trace
 * without a span is gone on with too.
 */
export function readTraceContext(metadata: Metadata): TraceContext | undefined {
  const w3c = readTraceParent(metadata.get(HEADER.TRACE_PARENT));
  const trace = metadata.get(HEADER.TRACE_ID);
  const span = metadata.get(HEADER.SPAN_ID) ?? '';
  if (trace === undefined || !ID.test(trace) || (span !== '' && !ID.test(span))) return w3c;
  if (w3c === undefined) return { trace, parent: span, sampled: true };
  if (span === '' || hexTrace(trace) !== w3c.trace) return w3c;
  return { trace, parent: span, sampled: w3c.sampled };
}

/** Names the parent to whoever is called next, in both forms where its ids can stand in both. */
export function writeTraceContext(metadata: Metadata, { trace, parent, sampled }: TraceContext): void {
  metadata.set(HEADER.TRACE_ID, trace);
  metadata.set(HEADER.SPAN_ID, parent);
  const hex = hexTrace(trace);
  if (TRACE_HEX.test(hex) && SPAN_HEX.test(parent)) {
    metadata.set(HEADER.TRACE_PARENT, `00-${hex}-${parent}-${sampled ? '01' : '00'}`);
  } else metadata.delete(HEADER.TRACE_PARENT);
}

function readTraceParent(value: string | undefined): TraceContext | undefined {
  if (value === undefined || value.length > 256) return undefined;
  const [, version, trace = '', parent = '', flags = '', rest] = TRACE_PARENT.exec(value) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  return /^0+$/.test(trace) || /^0+$/.test(parent) ? undefined : { trace, parent, sampled: isSampled(flags) };
}

/** The lowest bit says so; the others are not for us. */
function isSampled(flags: string): boolean {
  return Number.parseInt(flags, 16) % 2 === 1;
}

/** A UUID without its dashes is what W3C calls a trace id. */
function hexTrace(trace: string): string {
  return trace.replaceAll('-', '').toLowerCase();
}
