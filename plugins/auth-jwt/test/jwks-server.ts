import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { JwkSet } from '../src/index.ts';

/** A real server that publishes keys, and that can fail in every way. */
export interface JwksServer {
  readonly url: string;
  readonly host: string;
  /** How often it was asked. */
  readonly asked: number;
  readonly requests: readonly IncomingMessage[];
  /** What it publishes from now on. */
  publish(keys: JwkSet['keys']): void;
  /** How it answers from now on; `undefined` is properly. */
  behave(how: RequestListener | undefined): void;
  /** Ends it, as if its process died. */
  stop(): Promise<void>;
  /** Begins it again on the same port. */
  start(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a server on loopback; with `tls` it speaks https. */
export async function jwksServer(keys: JwkSet['keys'], tls?: ServerOptions): Promise<JwksServer> {
  let published = keys;
  let how: RequestListener | undefined;
  const requests: IncomingMessage[] = [];
  const sockets = new Set<Socket>();
  const answer: RequestListener = (request, response) => {
    requests.push(request);
    if (how !== undefined) how(request, response);
    else response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: published }));
  };
  const make = () => {
    const made = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
    made.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    return made;
  };
  let server = make();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/keys`,
    host: `127.0.0.1:${port}`,
    requests,
    get asked() {
      return requests.length;
    },
    publish(next) {
      published = next;
    },
    behave(next) {
      how = next;
    },
    stop,
    async start() {
      server = make();
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    [Symbol.asyncDispose]: stop,
  };
}
