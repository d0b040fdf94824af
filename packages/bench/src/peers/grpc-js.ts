import { requireForeign } from '../foreign.ts';
import type { Caller, Peer, Served } from '../peer.ts';
import { type Body, streamBody } from '../work.ts';

/** What is used of @grpc/grpc-js and @grpc/proto-loader. */
interface ServerStream {
  readonly request: { readonly count: number };
  readonly cancelled: boolean;
  write(message: Body): boolean;
  on(event: 'drain' | 'close', listener: () => void): void;
  end(): void;
}
interface ClientStream {
  on(event: 'data', listener: (message: Body) => void): void;
  once(event: 'end', listener: () => void): void;
  once(event: 'error', listener: (error: Error) => void): void;
}
interface BenchClient {
  echo(body: Body, callback: (error: Error | null, reply: Body) => void): void;
  ticks(request: { count: number }): ClientStream;
  waitForReady(deadlineMs: number, callback: (error?: Error) => void): void;
  close(): void;
}
interface BenchConstructor {
  new (address: string, credentials: unknown): BenchClient;
  readonly service: unknown;
}
interface Grpc {
  Server: new () => {
    addService(service: unknown, handlers: object): void;
    bindAsync(address: string, credentials: unknown, callback: (error: Error | null, port: number) => void): void;
    forceShutdown(): void;
  };
  ServerCredentials: { createInsecure(): unknown };
  credentials: { createInsecure(): unknown };
  loadPackageDefinition(definition: unknown): { bench: { Bench: BenchConstructor } };
}
interface ProtoLoader {
  fromJSON(json: object): unknown;
}

const CONNECT_MS = 10_000;

/** What a .proto file would say, in the JSON that protobufjs turns it into. */
const PROTO = {
  nested: {
    bench: {
      nested: {
        Body: {
          fields: {
            id: { type: 'int32', id: 1 },
            name: { type: 'string', id: 2 },
            active: { type: 'bool', id: 3 },
            score: { type: 'double', id: 4 },
            note: { type: 'string', id: 5 },
            text: { type: 'string', id: 6 },
          },
        },
        TicksRequest: { fields: { count: { type: 'int32', id: 1 } } },
        Bench: {
          methods: {
            Echo: { requestType: 'Body', responseType: 'Body' },
            Ticks: { requestType: 'TicksRequest', responseType: 'Body', responseStream: true },
          },
        },
      },
    },
  },
};

/** gRPC in JavaScript, with protobuf messages, on one channel without TLS. */
export const grpcJs: Peer = {
  async serve(): Promise<Served> {
    const grpc: Grpc = requireForeign('@grpc/grpc-js');
    const server = new grpc.Server();
    server.addService(loadBench(grpc).service, {
      echo: ({ request }: { request: Body }, callback: (error: null, reply: Body) => void) => callback(null, request),
      ticks: (call: ServerStream) => void tick(call),
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    return { address: `127.0.0.1:${port}`, close: async () => server.forceShutdown() };
  },

  async connect(address): Promise<Caller> {
    const grpc: Grpc = requireForeign('@grpc/grpc-js');
    const Bench = loadBench(grpc);
    const client = new Bench(address, grpc.credentials.createInsecure());
    await new Promise<void>((resolve, reject) => {
      client.waitForReady(Date.now() + CONNECT_MS, (error) => (error === undefined ? resolve() : reject(error)));
    });
    return {
      call: (body) =>
        new Promise((resolve, reject) => {
          client.echo(body, (error, reply) => (error === null ? resolve(reply) : reject(error)));
        }),
      stream: (count, onMessage) =>
        new Promise((resolve, reject) => {
          const stream = client.ticks({ count });
          stream.on('data', onMessage);
          stream.once('end', resolve);
          stream.once('error', reject);
        }),
      close: async () => client.close(),
    };
  },
};

function loadBench(grpc: Grpc): BenchConstructor {
  const loader: ProtoLoader = requireForeign('@grpc/proto-loader');
  return grpc.loadPackageDefinition(loader.fromJSON(PROTO)).bench.Bench;
}

async function tick(call: ServerStream): Promise<void> {
  let proceed = () => {};
  call.on('drain', () => proceed());
  call.on('close', () => proceed());
  for (let index = 0; index < call.request.count && !call.cancelled; index++) {
    if (call.write(streamBody(index))) continue;
    await new Promise<void>((resolve) => {
      proceed = resolve;
    });
  }
  call.end();
}
