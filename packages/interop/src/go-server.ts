import { startAskedProcess } from './asked-process.ts';
import type { GoRecord } from './go-broker.ts';

/** What a Go server is started with. */
export interface GoServerOptions {
  /** The program that `buildGo` made. */
  readonly binary: string;
  /** Words before the command, such as those that enter a network namespace. Default none. */
  readonly prefix?: readonly string[];
  /** Default `127.0.0.1:0`. */
  readonly address?: string;
  /** Default `helloworld`. */
  readonly name?: string;
  /** Default `latest`. */
  readonly version?: string;
  /** Default `memory`, which nobody else sees. */
  readonly registry?: 'memory' | 'mdns' | 'etcd';
  /** `host:port` of etcd, several with commas. */
  readonly registryAddress?: string;
  /** How long its record lives, renewed every third of that. Default: go-micro's 90 s, renewed every 30 s. */
  readonly registerTtlMs?: number;
  /** Default `memory`. */
  readonly broker?: 'memory' | 'http' | 'nats';
  /** `host:port` of NATS, several with commas. */
  readonly brokerAddress?: string;
  /** Default `http`. */
  readonly transport?: 'http' | 'grpc';
  /** Default `mucp`; go-micro's gRPC server takes the program that has it. */
  readonly server?: 'mucp' | 'grpc';
  /** What its node says about itself beside what go-micro adds. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Topics to subscribe to, each with its queue, `''` for none; the subscriber takes the request of `Helloworld.Call`. */
  readonly subscribe?: Readonly<Record<string, string>>;
  /** When it stops, it waits for the calls that run: go-micro's `Wait`. Default true; go-micro's default is false. */
  readonly wait?: boolean;
  /** When it stops, how long it serves on after it is out of the registry, in milliseconds. Default 0, as in go-micro. */
  readonly settleMs?: number;
}

/** An event that a subscriber of a Go server got. */
export interface GoServerEvent {
  readonly topic: string;
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A Go process that serves `Helloworld`, `Plain` and `Raw`. */
export interface GoServer {
  readonly address: string;
  /** The id of its node in the registry. */
  readonly id: string;
  readonly pid: number;
  /** What its registry says about subscriptions at an http broker. */
  readonly subscriptions: readonly GoRecord[];
  /** What its subscribers got so far. */
  readonly events: readonly GoServerEvent[];
  stderr(): string;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Asks it to deregister and stop, and waits until it is gone. */
  close(): Promise<void>;
}

/** Starts a Go server; resolves when it listens and has registered. Gives up after 30 s. */
export async function startGoServer(options: GoServerOptions): Promise<GoServer> {
  const { binary, prefix = [], address = '127.0.0.1:0', name = 'helloworld', version = 'latest' } = options;
  const { registry = 'memory', broker = 'memory', metadata = {}, subscribe = {}, wait = true, settleMs = 0 } = options;
  const { registryAddress = '', registerTtlMs = 0, brokerAddress = '', transport = 'http', server = 'mucp' } = options;
  const flags = {
    address,
    name,
    version,
    registry,
    'registry-address': registryAddress,
    'register-ttl': `${registerTtlMs}ms`,
    broker,
    'broker-address': brokerAddress,
    transport,
    server,
    wait: String(wait),
    settle: `${settleMs}ms`,
  };
  const words = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
  for (const [key, value] of Object.entries(metadata)) words.push('--metadata', `${key}=${value}`);
  for (const [topic, queue] of Object.entries(subscribe)) words.push('--subscribe', `${topic}=${queue}`);

  const events: GoServerEvent[] = [];
  const process = await startAskedProcess('the Go server', [...prefix, binary, 'server', ...words], ({ event }) => {
    if (event !== undefined) events.push(event as GoServerEvent);
  });
  const { pid, stderr, kill, close } = process;
  const ready = await process.ready();
  return {
    address: String(ready.address),
    id: String(ready.id),
    pid,
    subscriptions: (ready.subscriptions ?? []) as readonly GoRecord[],
    events,
    stderr,
    kill,
    close,
  };
}
