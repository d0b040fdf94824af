import type { Line } from './line-process.ts';
import { startLineProcess } from './line-process.ts';

/** An error of a Go client: its text, and what go-micro's `errors.Parse` makes of it. */
export interface GoFailure {
  readonly text: string;
  readonly id: string;
  readonly code: number;
  readonly detail: string;
  readonly status: string;
}

/** One call, or many of the same. */
export interface GoCall {
  /** `host:port`. Without one the client's registry is asked. */
  readonly address?: string;
  /** Hides the protocol of the node, so that go-micro falls back to json-rpc and proto-rpc. Needs an address. */
  readonly legacy?: boolean;
  /** Default `helloworld`. */
  readonly service?: string;
  /** `Handler.Method`. */
  readonly endpoint: string;
  /** Default `unary`. */
  readonly kind?: 'unary' | 'server' | 'client' | 'bidi';
  /** Default `application/json`. */
  readonly contentType?: string;
  /**
   * Which Go type is sent and expected: any JSON, bytes in base64, the messages of `Helloworld.Call`, or (the
   * default) what the endpoint takes.
   */
  readonly as?: 'json' | 'frame' | 'call';
  /** The request. A `$n` in it stands for the number of the call. Default `{}`. */
  readonly body?: unknown;
  /** The request as JSON text, for numbers that JavaScript cannot hold. */
  readonly rawBody?: string;
  /** The messages of a stream. Default: the body alone. */
  readonly bodies?: readonly unknown[];
  readonly metadata?: Readonly<Record<string, string>>;
  /** go-micro's RequestTimeout; for a stream when the client gives up. Default 5,000. */
  readonly timeoutMs?: number;
  /** go-micro's StreamTimeout: the `Timeout` header of a stream. Default none. */
  readonly streamTimeoutMs?: number;
  /** Cancels the context of a unary call, or closes a stream, after this long. Default never. */
  readonly cancelAfterMs?: number;
  /** Asks a stream for a half-close when its messages are sent. Default false. */
  readonly closeSend?: boolean;
  /** Default 0. */
  readonly retries?: number;
  /** How many calls, and how many of them at a time. Default 1 and 1. */
  readonly count?: number;
  readonly concurrency?: number;
  /** Uses a new go-micro client, whose ids start at 0 and whose pool is empty. Default false. */
  readonly fresh?: boolean;
}

/** What came of a `GoCall`. */
export interface GoOutcome {
  /** Every reply in the order of arrival, with the number of its call. `text` is the line it came in, digits intact. */
  readonly replies: readonly { readonly n: number; readonly reply: unknown; readonly text: string }[];
  readonly errors: readonly { readonly n: number; readonly error: GoFailure }[];
  /** How many streams ended without an error. */
  readonly ended: number;
  readonly ok: number;
  readonly failed: number;
  readonly elapsedMs: number;
}

/** A Go process that makes calls. */
export interface GoClient {
  readonly pid: number;
  /** Makes a call; several may be under way. Rejects only when the process fails, not when the call does. */
  call(call: GoCall): Promise<GoOutcome>;
  stderr(): string;
  close(): Promise<void>;
}

interface Pending {
  readonly replies: { n: number; reply: unknown; text: string }[];
  readonly errors: { n: number; error: GoFailure }[];
  ended: number;
  resolve(outcome: GoOutcome): void;
  reject(error: Error): void;
}

/** Starts a Go client. `registry` is asked for calls without an address; the default, `memory`, knows nobody. */
export async function startGoClient(options: {
  readonly binary: string;
  readonly prefix?: readonly string[];
  readonly registry?: 'memory' | 'mdns' | 'etcd';
  /** `host:port` of etcd, several with commas. */
  readonly registryAddress?: string;
  /** Default `http`. */
  readonly transport?: 'http' | 'grpc';
  /** Default `mucp`; go-micro's gRPC client takes the program that has it. */
  readonly client?: 'mucp' | 'grpc';
}): Promise<GoClient> {
  const {
    binary,
    prefix = [],
    registry = 'memory',
    registryAddress = '',
    transport = 'http',
    client = 'mucp',
  } = options;
  const pending = new Map<string, Pending>();
  let ids = 0;
  let gone = false;

  const onLine = (line: Line, text: string): void => {
    const id = String(line.id);
    const call = pending.get(id);
    if (call === undefined) return;
    const n = Number(line.n ?? 0);
    if (line.done === true) {
      pending.delete(id);
      if (line.error !== undefined) call.reject(new Error((line.error as GoFailure).text));
      else call.resolve(outcome(call, line));
    } else if (line.error !== undefined) call.errors.push({ n, error: line.error as GoFailure });
    else if (line.end === true) call.ended++;
    else call.replies.push({ n, reply: line.reply, text });
  };
  const asked = { registry, 'registry-address': registryAddress, transport, client };
  const flags = Object.entries(asked).map(([flag, value]) => `--${flag}=${value}`);
  const process = await startLineProcess([...prefix, binary, 'client', ...flags], onLine);
  void process.exited.then(() => {
    gone = true;
    for (const call of pending.values()) call.reject(new Error(`the Go client exited: ${process.stderr()}`));
    pending.clear();
  });
  return {
    pid: process.pid,
    stderr: process.stderr,
    call: (call) =>
      new Promise((resolve, reject) => {
        if (gone) return reject(new Error('the Go client has exited'));
        const id = String(ids++);
        pending.set(id, { replies: [], errors: [], ended: 0, resolve, reject });
        process.write({ ...call, id });
      }),
    close: () => process.close(),
  };
}

function outcome({ replies, errors, ended }: Pending, line: Line): GoOutcome {
  const { ok, failed, elapsedMs } = line;
  return { replies, errors, ended, ok: Number(ok), failed: Number(failed), elapsedMs: Number(elapsedMs) };
}
