import { type AddressInfo, connect, createServer, type Socket as NetSocket } from 'node:net';
import type { Header, Message } from '../../src/contract/message.ts';
import type { Socket } from '../../src/contract/transport.ts';
import { type Http1Connection, serveHttp1 } from '../../src/transport/http1-server.ts';
import { limitsFrom, type TransportLimits } from '../../src/transport/limits.ts';
import { now } from '../../src/util/clock.ts';

/** Waits until a check holds. */
export async function until(what: string, check: () => boolean, withinMs = 15_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!check()) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function header(fields: Record<string, string> = {}): Header {
  return Object.freeze(Object.assign(Object.create(null), fields));
}

export function message(body = '', fields: Record<string, string> = {}, extra?: Record<string, string>): Message {
  return { header: header(fields), extra: extra && header(extra), body: Buffer.from(body) };
}

export function textOf(given: Message | undefined): string | undefined {
  return given === undefined ? undefined : Buffer.from(given.body).toString();
}

/** A message as it stood on the wire, read by other means than those under test. */
export interface RawMessage {
  readonly line: string;
  readonly fields: Record<string, string>;
  readonly body: string;
}

/** One end of a plain connection, as a peer that is not ours would hold it. */
export interface RawPeer {
  readonly socket: NetSocket;
  /** All that has arrived. */
  text(): string;
  readonly closed: boolean;
  write(text: string | Buffer): void;
  /** The next message, by its `Content-Length`, or chunked when it is empty. */
  next(): Promise<RawMessage>;
  end(): void;
}

export function rawPeer(socket: NetSocket): RawPeer {
  let all = Buffer.alloc(0);
  let taken = 0;
  let closed = false;
  socket.on('data', (chunk: Buffer) => {
    all = Buffer.concat([all, chunk]);
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
  });
  const read = (): RawMessage | undefined => {
    const rest = all.subarray(taken);
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    const [line = '', ...lines] = rest.toString('utf8', 0, end).split('\r\n');
    const fields: Record<string, string> = {};
    for (const one of lines) fields[one.slice(0, one.indexOf(':'))] ??= one.slice(one.indexOf(':') + 1).trim();
    const size = Number(fields['Content-Length'] ?? 0);
    if (rest.length < end + 4 + size) return undefined;
    taken += end + 4 + size;
    return { line, fields, body: rest.toString('utf8', end + 4, end + 4 + size) };
  };
  return {
    socket,
    text: () => all.toString('utf8'),
    get closed() {
      return closed;
    },
    write: (text) => void socket.write(text),
    async next() {
      let found: RawMessage | undefined;
      await until(`a message in ${JSON.stringify(all.subarray(taken).toString().slice(0, 200))}`, () => {
        found ??= read();
        return found !== undefined;
      });
      return found as RawMessage;
    },
    end: () => socket.destroy(),
  };
}

/** A listener that serves every connection with `serveHttp1`. */
export interface Http1Place {
  readonly address: string;
  readonly connections: Http1Connection[];
  /** Connections that have told that they are closed. */
  readonly closed: number;
  dial(): Promise<RawPeer>;
  close(): Promise<void>;
}

export async function serve(accept: (socket: Socket) => unknown, limits: TransportLimits = {}): Promise<Http1Place> {
  const connections: Http1Connection[] = [];
  const sockets = new Set<NetSocket>();
  const peers: RawPeer[] = [];
  let closed = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', (first: Buffer) => {
      connections.push(
        serveHttp1(socket, {
          first,
          limits: limitsFrom(limits),
          local: 'here:1',
          remote: 'there:2',
          accept(exchange) {
            Promise.resolve(accept(exchange)).catch(() => {});
          },
          closed() {
            closed++;
          },
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const ticking = setInterval(() => {
    for (const connection of connections) connection.tick(now());
  }, 20);
  return {
    address: `127.0.0.1:${port}`,
    connections,
    get closed() {
      return closed;
    },
    async dial() {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      const peer = rawPeer(socket);
      peers.push(peer);
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('error', reject);
      });
      return peer;
    },
    async close() {
      clearInterval(ticking);
      for (const peer of peers) peer.end();
      for (const connection of connections) connection.close();
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A server that is not ours: what it answers is up to the test. */
export interface RawServer {
  readonly address: string;
  readonly peers: RawPeer[];
  close(): Promise<void>;
}

export async function rawServer(connected: (peer: RawPeer) => unknown = () => {}): Promise<RawServer> {
  const peers: RawPeer[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    const peer = rawPeer(socket);
    peers.push(peer);
    Promise.resolve(connected(peer)).catch(() => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    peers,
    async close() {
      for (const peer of peers) peer.end();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A request as Go writes it: the head and the body in two pieces, an empty body chunked. */
export function goRequest(fields: Record<string, string>, body = ''): string {
  const size = body === '' ? 'Transfer-Encoding: chunked' : `Content-Length: ${Buffer.byteLength(body)}`;
  const lines = Object.entries(fields)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  const head = `POST / HTTP/1.1\r\nHost: 127.0.0.1:1\r\nUser-Agent: Go-http-client/1.1\r\n${size}\r\n${lines}\r\n`;
  return head + (body === '' ? '0\r\n\r\n' : body);
}
