import { startAskedProcess } from './asked-process.ts';

/** A message as go-micro's broker knows it. */
export interface GoMessage {
  readonly header?: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** An event that a Go subscriber got. */
export interface GoEvent {
  readonly topic: string;
  readonly header: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What a Go client publishes. */
export interface GoEmission {
  /** The message as JSON. */
  readonly message: unknown;
  /** Default `application/json`. */
  readonly contentType?: string;
  /** Which Go type it is: any JSON (the default), bytes in base64, or the request of `Helloworld.Call`. */
  readonly as?: 'json' | 'frame' | 'call';
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A record of go-micro's registry, as it writes it. */
export interface GoRecord {
  readonly name: string;
  readonly version: string;
  readonly nodes: readonly {
    readonly id: string;
    readonly address: string;
    readonly metadata: Readonly<Record<string, string>>;
  }[];
}

/** A Go process with a connected broker. */
export interface GoBroker {
  readonly pid: number;
  /** Where its subscribers are reached, or its server is. */
  readonly address: string;
  /** Subscribes; resolves with the function that unsubscribes. */
  subscribe(topic: string, onEvent: (event: GoEvent) => void, queue?: string): Promise<() => Promise<void>>;
  /** Publishes at the broker; rejects with what go-micro's `Publish` returns. */
  publish(topic: string, message: GoMessage): Promise<void>;
  /** Publishes with go-micro's client, which encodes the message and fills in its header. */
  emit(topic: string, emission: GoEmission): Promise<void>;
  /** Tells its registry of subscribers elsewhere. What is told after it has published, go-micro may overlook for a minute. */
  register(record: object): Promise<void>;
  /** What its registry knows about subscribers. */
  records(): Promise<readonly GoRecord[]>;
  /** Disconnects the broker: nobody is subscribed any more. */
  disconnect(): Promise<void>;
  stderr(): string;
  close(): Promise<void>;
}

/** Starts a Go process with go-micro's http broker over a registry, by default one of its own (`memory`), or with that for NATS. */
export async function startGoBroker(options: {
  readonly binary: string;
  readonly prefix?: readonly string[];
  readonly registry?: 'memory' | 'mdns';
  /** Default `http`. */
  readonly broker?: 'http' | 'nats';
  /** Whose client publishes for `emit`. Default `mucp`; go-micro's gRPC client takes the program that has it. */
  readonly client?: 'mucp' | 'grpc';
  /** Where the subscribers of an http broker listen, or `host:port` of NATS. Default `127.0.0.1:0`. */
  readonly address?: string;
}): Promise<GoBroker> {
  const {
    binary,
    prefix = [],
    registry = 'memory',
    broker = 'http',
    client = 'mucp',
    address = '127.0.0.1:0',
  } = options;
  const asked = { registry, broker, client, address };
  const flags = ['broker', ...Object.entries(asked).map(([flag, value]) => `--${flag}=${value}`)];
  const process = await startAskedProcess('the Go broker', [...prefix, binary, ...flags]);
  const { ask, pid, stderr, close } = process;
  const ready = await process.ready();
  let subscriptions = 0;
  return {
    pid,
    address: String(ready.address),
    stderr,
    close,
    async subscribe(topic, onEvent, queue = '') {
      const subscription = `subscription-${subscriptions++}`;
      await ask({ command: 'subscribe', topic, queue, subscription }, (event) => onEvent(eventOf(event)));
      return async () => {
        await ask({ command: 'unsubscribe', subscription });
      };
    },
    async publish(topic, { header = {}, body }) {
      await ask({ command: 'publish', topic, header, body: Buffer.from(body).toString('base64') });
    },
    async emit(topic, { message, contentType = 'application/json', as = 'json', metadata = {} }) {
      await ask({ command: 'emit', topic, message, contentType, as, metadata });
    },
    async register(service) {
      await ask({ command: 'register', service });
    },
    records: async () => (await ask({ command: 'records' })) as readonly GoRecord[],
    async disconnect() {
      await ask({ command: 'disconnect' });
    },
  };
}

function eventOf(event: unknown): GoEvent {
  const { topic, header, body } = event as { topic: string; header: Record<string, string>; body: string | null };
  return { topic, header, body: Buffer.from(body ?? '', 'base64') };
}
