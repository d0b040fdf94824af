/**
 * The names of go-micro's header fields, as `spec/wire.md` of go-micro v4.9.0 has them. They stand here and nowhere
 * else; what they mean is decided in `rpc/wire.ts`, and by a transport for the two that only tell exchanges apart.
 */
export const HEADER = {
  /** Tells exchanges on one connection apart. Written by transports that share a connection by it, never above them. */
  ID: 'Micro-Id',
  /** The same as `Micro-Id`, on every message of a stream. Written by transports, never above them. */
  STREAM: 'Micro-Stream',
  /** The name of the service that is called. Informational: go-micro never checks it. */
  SERVICE: 'Micro-Service',
  /** The older name of `Micro-Endpoint`; always the same value. */
  METHOD: 'Micro-Method',
  /** Which handler is called, as `Handler.Method`. */
  ENDPOINT: 'Micro-Endpoint',
  /** The text of an error, or the literal `EOS` at the end of a stream. */
  ERROR: 'Micro-Error',
  /** Marks a message as an event and names its topic. */
  TOPIC: 'Micro-Topic',
  /** When present, the peer is known not to speak the legacy envelopes. */
  PROTOCOL: 'Micro-Protocol',
  /** When present without `Micro-Protocol`, go-micro falls back to a legacy envelope. */
  TARGET: 'Micro-Target',
  /** Who calls, when the caller chooses to say so. */
  FROM_SERVICE: 'Micro-From-Service',
  /** The namespace an account belongs to. */
  NAMESPACE: 'Micro-Namespace',
  /** The trace that a call belongs to, as go-micro's tracing names it. */
  TRACE_ID: 'Micro-Trace-Id',
  /** The span that made the call, as go-micro's tracing names it. */
  SPAN_ID: 'Micro-Span-Id',
  /** Trace and span as W3C Trace Context writes them. */
  TRACE_PARENT: 'Traceparent',
  /** How long the caller waits, in decimal nanoseconds. */
  TIMEOUT: 'Timeout',
  CONTENT_TYPE: 'Content-Type',
  ACCEPT: 'Accept',
  AUTHORIZATION: 'Authorization',
  /** What go-micro's server adds to the metadata a handler sees: its own address. Never sent. */
  LOCAL: 'Local',
  /** What go-micro's server adds to the metadata a handler sees: the peer's address. Never sent. */
  REMOTE: 'Remote',
} as const;

/** The value of `Micro-Error` that ends a stream. */
export const END_OF_STREAM = 'EOS';

/** The prefix of the names that go-micro used before; a reply carries them beside the plain ones. */
export const OLD_PREFIX = 'X-';
