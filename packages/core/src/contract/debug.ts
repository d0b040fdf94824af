import type { Middleware } from './middleware.ts';

/** What `Debug.Health` answers. */
export interface Health {
  /** `ok`, or what is not. */
  readonly status: string;
}

/** What `Debug.Stats` answers; int64 values as go-micro's message has them. */
export interface Stats {
  /** Seconds since the epoch. */
  readonly timestamp: bigint;
  /** Seconds since the epoch. */
  readonly started: bigint;
  /** Seconds. */
  readonly uptime: bigint;
  /** Bytes. */
  readonly memory: bigint;
  /** What runs at the same time; here the handles that keep the process alive. */
  readonly threads: bigint;
  /** Nanoseconds of garbage collection in all. */
  readonly gc: bigint;
  readonly requests: bigint;
  readonly errors: bigint;
}

/** One line that `Debug.Log` answers with. */
export interface LogRecord {
  /** In milliseconds since the epoch. */
  readonly timestamp: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly message: string;
}

/** One span that `Debug.Trace` answers with. */
export interface Span {
  readonly trace: string;
  readonly id: string;
  readonly parent: string;
  readonly name: string;
  /** In milliseconds since the epoch. */
  readonly started: number;
  readonly durationMs: number;
  readonly kind: 'inbound' | 'outbound';
  readonly metadata: Readonly<Record<string, string>>;
}

/** Follows calls from service to service. */
export interface Tracer {
  readonly name: string;
  /** Around handlers: goes on with the trace of the caller, or begins one. */
  readonly handler: Middleware;
  /** Around calls: hands the trace on. */
  readonly client: Middleware;
  /** The spans that ended and are still kept, the oldest first: of one trace, or of all. */
  read(trace?: string): readonly Span[];
  /** Gives back what it holds. */
  close(): Promise<void>;
}
