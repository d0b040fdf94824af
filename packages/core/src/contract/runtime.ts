/** What should run. */
export interface Workload {
  readonly name: string;
  readonly version: string;
  /** Where its code is: a folder, an image, … as the runtime understands it. */
  readonly source?: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Where a workload is in its life. */
export type WorkloadStatus = 'pending' | 'starting' | 'running' | 'stopping' | 'stopped' | 'error';

/** What runs. */
export interface RunningWorkload extends Workload {
  readonly status: WorkloadStatus;
  /** What went wrong, in state `error`. */
  readonly error?: string | undefined;
}

/** How a workload is run. */
export interface CreateOptions {
  readonly command?: readonly string[] | undefined;
  readonly args?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly image?: string | undefined;
  readonly namespace?: string | undefined;
  /** How often a workload that failed is started again. Default: the runtime's own; 0 is never. */
  readonly retries?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Which workloads are meant. Default: all. */
export interface RuntimeReadOptions {
  readonly name?: string | undefined;
  readonly version?: string | undefined;
  readonly namespace?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Which lines of a workload are meant. */
export interface LogOptions {
  readonly namespace?: string | undefined;
  /** Go on with what is written from now on. Default false. */
  readonly follow?: boolean | undefined;
  /** At most so many of the last lines. Default: all that is kept; 0 is none. */
  readonly count?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One line that a workload wrote. */
export interface LogLine {
  readonly message: string;
  readonly stream: 'stdout' | 'stderr';
  /** In milliseconds since the epoch. */
  readonly timestamp: number;
}

/** A workload came, changed or went. */
export interface RuntimeEvent {
  readonly type: 'create' | 'update' | 'delete';
  readonly workload: RunningWorkload;
}

/** Runs services. */
export interface Runtime {
  readonly name: string;
  create(workload: Workload, options?: CreateOptions): Promise<void>;
  read(options?: RuntimeReadOptions): Promise<readonly RunningWorkload[]>;
  update(workload: Workload, options?: CreateOptions): Promise<void>;
  delete(workload: Workload, options?: RuntimeReadOptions): Promise<void>;
  logs(workload: Workload, options?: LogOptions): AsyncIterable<LogLine>;
  watch(options?: RuntimeReadOptions): AsyncIterable<RuntimeEvent>;
  start(): Promise<void>;
  /** Ends what it started; always returns. */
  stop(): Promise<void>;
}
