import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { type CallOptions, type Client, type ClientDuplexStream, Metadata } from '@grpc/grpc-js';
import {
  type Context,
  createService,
  MicroError,
  memoryRegistry,
  type Registry,
  type Service,
  type ServiceOptions,
  silentLogger,
  type Transport,
} from '@micro/core';
import { type GrpcTransportOptions, grpcTransport } from '../src/index.ts';
import { Greeter } from './gen/greeter_pb.js';

/** What the handlers of the tests saw. */
export interface Seen {
  readonly contexts: Context[];
  readonly ended: string[];
  /** Strokes that were sent, or are about to be. */
  strokes: number;
}

/** A service that greets, with all four kinds, and what it saw. */
export function greeter(
  options: Partial<ServiceOptions> & { readonly grpc?: GrpcTransportOptions; readonly registry?: Registry } = {},
): { readonly service: Service; readonly seen: Seen } {
  const { grpc, ...rest } = options;
  const seen: Seen = { contexts: [], ended: [], strokes: 0 };
  const service = createService({
    name: 'greeter',
    logger: silentLogger(),
    registry: memoryRegistry(),
    transport: grpcTransport(grpc),
    ...rest,
    server: { address: '127.0.0.1:0', settleMs: 0, ...rest.server },
  });
  service.server.handle(Greeter, {
    async hello({ name }, ctx) {
      seen.contexts.push(ctx);
      if (name === 'nobody') throw new MicroError({ id: 'greeter', code: 404, detail: 'nobody is not here' });
      if (name === 'broken') throw new Error('a secret of the inside');
      if (name === 'slow') {
        await new Promise<void>((resolve) => ctx.signal.addEventListener('abort', () => resolve(), { once: true }));
        seen.ended.push('slow');
      }
      return { msg: name === 'large' ? 'x'.repeat(200_000) : `Hello ${name}` };
    },
    async sum(strokes) {
      let count = 0n;
      for await (const { stroke } of strokes) count += stroke;
      return { count };
    },
    async *ticks({ count }, ctx) {
      seen.contexts.push(ctx);
      try {
        for (let stroke = 0n; stroke < count; stroke++) {
          seen.strokes += 1;
          yield { stroke, padding: new Uint8Array(1_024) };
        }
      } finally {
        seen.ended.push('ticks');
      }
    },
    async *echo(strokes) {
      for await (const { stroke } of strokes) {
        if (stroke === 13n) throw new MicroError({ id: 'greeter', code: 400, detail: 'thirteen brings bad luck' });
        yield { stroke };
      }
    },
  });
  return { service, seen };
}

/** A micro client with a transport of its own. */
export function caller(transport: Transport, registry: Registry = memoryRegistry()): Service {
  return createService({ name: 'caller', logger: silentLogger(), registry, transport });
}

/** A method with the types of its messages. */
export type Method<I extends DescMessage, O extends DescMessage> = DescMethod & {
  readonly input: I;
  readonly output: O;
};

const encoder =
  <T extends DescMessage>(desc: T) =>
  (value: MessageInitShape<T>): Buffer =>
    Buffer.from(toBinary(desc, create(desc, value)));
const decoder =
  <T extends DescMessage>(desc: T) =>
  (bytes: Buffer): MessageShape<T> =>
    fromBinary(desc, bytes);

export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** Calls a method with gRPC's own client. Rejects with its `ServiceError`. */
export function callUnary<I extends DescMessage, O extends DescMessage>(
  client: Client,
  method: Method<I, O>,
  input: MessageInitShape<I>,
  {
    metadata = new Metadata(),
    path = pathOf(method),
    ...options
  }: CallOptions & { metadata?: Metadata; path?: string } = {},
): Promise<MessageShape<O>> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      encoder(method.input),
      decoder(method.output),
      input,
      metadata,
      options,
      (error, reply) => {
        if (error !== null) reject(error);
        else if (reply === undefined) reject(new Error('no reply and no error'));
        else resolve(reply);
      },
    );
  });
}

/** Opens a stream with gRPC's own client; on the wire all kinds are the same. */
export function openStream<I extends DescMessage, O extends DescMessage>(
  client: Client,
  method: Method<I, O>,
  path: string = pathOf(method),
): ClientDuplexStream<MessageInitShape<I>, MessageShape<O>> {
  return client.makeBidiStreamRequest(path, encoder(method.input), decoder(method.output), new Metadata());
}
