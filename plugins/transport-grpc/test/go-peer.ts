import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  Client,
  type ClientDuplexStream,
  credentials,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from '@grpc/grpc-js';
import { MessageSchema } from '../src/gen/transport_pb.js';

/** A message of go-micro's gRPC transport. */
export interface GoMessage {
  readonly header: Record<string, string>;
  readonly body: string;
}

const PATH = '/go.micro.transport.grpc.Transport/Stream';
const encode = ({ header, body }: GoMessage): Buffer =>
  Buffer.from(toBinary(MessageSchema, create(MessageSchema, { header, body: Buffer.from(body) })));
const decode = (bytes: Buffer): GoMessage => {
  const { header, body } = fromBinary(MessageSchema, bytes);
  return { header, body: Buffer.from(body).toString() };
};

/** Speaks to a listener as go-micro's client does: one gRPC stream, with one exchange after the other on it. */
export function goClient(address: string): {
  readonly client: Client;
  open(): ClientDuplexStream<GoMessage, GoMessage>;
} {
  const client = new Client(address, credentials.createInsecure());
  return { client, open: () => client.makeBidiStreamRequest(PATH, encode, decode) };
}

/** A server that treats gRPC streams as go-micro's does. */
export interface GoServer {
  readonly address: string;
  /** How many gRPC streams were opened. */
  readonly streams: number;
  /** Those that the client has ended or cancelled. */
  readonly ended: number;
  close(): void;
}

/** What a server does with a message; it may answer through `send`, or not. */
export type GoHandler = (
  message: GoMessage,
  send: (message: GoMessage) => void,
  stream: ServerDuplexStream<GoMessage, GoMessage>,
) => void;

/** Starts one on a free port. */
export async function goServer(handle: GoHandler): Promise<GoServer> {
  const server = new Server();
  const seen = { streams: 0, ended: 0 };
  const stream = (call: ServerDuplexStream<GoMessage, GoMessage>): void => {
    seen.streams += 1;
    call.on('data', (message: GoMessage) => handle(message, (answer) => void call.write(answer), call));
    call.on('end', () => call.end());
    call.on('close', () => {
      seen.ended += 1;
    });
    call.on('error', () => {});
  };
  server.register(PATH, stream, encode, decode, 'bidi');
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    address: `127.0.0.1:${port}`,
    get streams() {
      return seen.streams;
    },
    get ended() {
      return seen.ended;
    },
    close: () => server.forceShutdown(),
  };
}
