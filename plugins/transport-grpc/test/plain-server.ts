import { create, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { type Count, CountSchema, Greeter, type HelloReply, type HelloRequest, type Stroke } from './gen/greeter_pb.js';

/** A server of gRPC's own library, which knows nothing of micro. */
export interface PlainServer {
  readonly address: string;
  /** The metadata of the calls that came. */
  readonly metadata: Metadata[];
  readonly deadlines: number[];
  cancelled: number;
  close(): void;
}

/** Starts one that greets, with all four kinds, on a free port or on the one that is given. */
export async function plainServer(port = 0, credentials = ServerCredentials.createInsecure()): Promise<PlainServer> {
  const server = new Server();
  const definition: ServiceDefinition = Object.fromEntries(
    Greeter.methods.map((method) => [
      method.localName,
      {
        path: `/${Greeter.typeName}/${method.name}`,
        requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
        responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
        requestSerialize: encoder(method.input),
        requestDeserialize: decoder(method.input),
        responseSerialize: encoder(method.output),
        responseDeserialize: decoder(method.output),
      },
    ]),
  );
  const seen = { metadata: [] as Metadata[], deadlines: [] as number[], cancelled: 0 };
  server.addService(definition, {
    hello(
      call: ServerUnaryCall<HelloRequest, Partial<HelloReply>>,
      answer: (error: object | null, reply?: Partial<HelloReply>) => void,
    ) {
      seen.metadata.push(call.metadata);
      seen.deadlines.push(Number(call.getDeadline()));
      call.on('cancelled', () => {
        seen.cancelled += 1;
      });
      const { name } = call.request;
      if (name === 'slow') return;
      if (name === 'nobody') {
        const metadata = new Metadata();
        // A detail that is none of go-micro's.
        metadata.set('grpc-status-details-bin', Buffer.from([0x08, 0x05, 0x1a, 0x03, 0x0a, 0x01, 0x78]));
        answer({ code: status.NOT_FOUND, details: 'nobody is not here', metadata });
      } else if (name === 'large') answer(null, { msg: 'x'.repeat(200_000) });
      else answer(null, { msg: `Plain ${name}` });
    },
    sum(call: AsyncIterable<Stroke>, answer: (error: object | null, reply?: Count) => void) {
      const add = async (): Promise<void> => {
        let count = 0n;
        for await (const { stroke } of call) count += stroke;
        answer(null, create(CountSchema, { count }));
      };
      void add();
    },
    ticks(call: ServerWritableStream<Count, Partial<Stroke>>) {
      call.on('cancelled', () => {
        seen.cancelled += 1;
      });
      for (let stroke = 0n; stroke < call.request.count; stroke++) call.write({ stroke });
      if (call.request.count < 5_000n) call.end();
    },
    echo(call: ServerDuplexStream<Stroke, Partial<Stroke>>) {
      call.on('data', ({ stroke }: Stroke) => {
        if (stroke === 13n) call.emit('error', { code: status.ABORTED, details: 'thirteen brings bad luck' });
        else call.write({ stroke });
      });
      call.on('end', () => call.end());
    },
  });
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, real) =>
      error === null ? resolve(real) : reject(error),
    );
  });
  return Object.assign(seen, { address: `127.0.0.1:${bound}`, close: () => server.forceShutdown() });
}

function encoder(desc: DescMessage): (value: Record<string, unknown>) => Buffer {
  return (value) => Buffer.from(toBinary(desc, create(desc, value)));
}

function decoder(desc: DescMessage): (bytes: Buffer) => object {
  return (bytes) => fromBinary(desc, bytes);
}
