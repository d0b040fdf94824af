import { startAskedProcess } from './asked-process.ts';

/** One call with grpc-go. */
export interface GrpcCall {
  /** A method of `Helloworld`, such as `Helloworld.Call`; or any path, called as a unary method with its messages. */
  readonly endpoint: string;
  /** The messages as JSON. A unary call and a server stream send the first. */
  readonly bodies?: readonly unknown[];
  readonly metadata?: Readonly<Record<string, string>>;
  /** The deadline. Default none. */
  readonly timeoutMs?: number;
  /** Cancels the call after this long. Default never. */
  readonly cancelAfterMs?: number;
  /** Compresses the messages. Default false. */
  readonly gzip?: boolean;
}

/** What came of a call. */
export interface GrpcOutcome {
  readonly replies: readonly unknown[];
  /** The number and the name of the status. */
  readonly code: number;
  readonly name: string;
  readonly message: string;
  readonly details: readonly { readonly type: string; readonly value: Buffer }[];
  readonly header: Readonly<Record<string, readonly string[]>>;
  readonly trailer: Readonly<Record<string, readonly string[]>>;
}

/** A Go process that calls with grpc-go alone, over one connection. */
export interface GrpcClient {
  /** Makes a call; several may be under way. Rejects only when the process fails, not when the call does. */
  call(call: GrpcCall): Promise<GrpcOutcome>;
  /** What the health service says of a service, such as `SERVING`; rejects with the status. */
  health(service: string): Promise<string>;
  /** The services that reflection lists. */
  services(): Promise<readonly string[]>;
  /** The methods of a service, as the file that reflection has for it describes them. */
  describe(service: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** A Go process that serves `Helloworld`, health and reflection with grpc-go alone. */
export interface GrpcServer {
  readonly address: string;
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a grpc-go client of an address; `ca` is the file of the authority to trust, plaintext without. */
export async function startGrpcClient(options: {
  readonly binary: string;
  readonly address: string;
  readonly ca?: string;
}): Promise<GrpcClient> {
  const { binary, address, ca = '' } = options;
  const command = [binary, 'grpc-client', `--address=${address}`, `--ca=${ca}`];
  const { ask, close } = await startAskedProcess('the grpc-go client', command);
  return {
    close,
    async call(call) {
      const replies: unknown[] = [];
      const told = await ask({ command: 'call', ...call }, (reply) => replies.push(reply));
      const { details, header, trailer, ...status } = told as Omit<GrpcOutcome, 'replies' | 'details'> & {
        readonly details: readonly { readonly type: string; readonly value: string }[];
      };
      return {
        ...status,
        replies,
        details: details.map(({ type, value }) => ({ type, value: Buffer.from(value, 'base64') })),
        header: header ?? {},
        trailer: trailer ?? {},
      };
    },
    health: async (service) => String(await ask({ command: 'health', service })),
    services: async () => (await ask({ command: 'services' })) as readonly string[],
    describe: async (service) => (await ask({ command: 'describe', service })) as readonly string[],
  };
}

/** Starts a grpc-go server; with a certificate and its key it speaks TLS. */
export async function startGrpcServer(options: {
  readonly binary: string;
  readonly address?: string;
  readonly cert?: string;
  readonly key?: string;
}): Promise<GrpcServer> {
  const { binary, address = '127.0.0.1:0', cert = '', key = '' } = options;
  const flags = [`--address=${address}`, `--cert=${cert}`, `--key=${key}`];
  const { ready, kill, close } = await startAskedProcess('the grpc-go server', [binary, 'grpc-server', ...flags]);
  return { address: String((await ready()).address), kill, close };
}
