import { createServer, type Socket as NetSocket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import type { DialOptions, Listener, ListenOptions, Socket, Transport } from '../contract/transport.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { formatAddress } from '../util/address.ts';
import { bind } from '../util/bind.ts';
import { now } from '../util/clock.ts';
import { type Certificates, keepCertificates, listenerTls, loadCertificates, type TlsOptions } from '../util/tls.ts';
import { connect } from './connect.ts';
import { PREFACE } from './frame.ts';
import { createFrameClient } from './frame-client.ts';
import { FrameConnection } from './frame-connection.ts';
import { LATE_LOOK_MS } from './frame-pulse.ts';
import { createHttp1Client } from './http1-client.ts';
import { serveHttp1 } from './http1-server.ts';
import { type Limits, limitsFrom, type TransportLimits } from './limits.ts';

/** What the http transport may be told. Every number: `undefined` is the default, `0` is off. */
export interface HttpTransportOptions extends TransportLimits {
  /** TLS for what listens and what dials. Default: none. */
  readonly tls?: TlsOptions | undefined;
  /** Speak frames with peers that understand them. Default true; false is go-micro's HTTP/1.1 with everybody. */
  readonly frames?: boolean | undefined;
  /** Connections to one peer that speaks frames. Default 1. */
  readonly connectionsPerPeer?: number | undefined;
  /** Idle connections kept per peer that speaks HTTP/1.1. Default 100, as in go-micro; 0 keeps none. */
  readonly poolSize?: number | undefined;
  /** The age at which a pooled connection is not used again, in milliseconds. Default 60,000; 0 is no limit. */
  readonly poolTtlMs?: number | undefined;
}

/** The node metadata that says that a listener understands frames. */
const FRAMES = { frames: '1' } as const;

const TICK_MS = 1_000;
const DIALLED_IDLE_MS = 60_000;

/** One accepted connection, whichever framing it turned out to speak. */
interface Connection {
  drain(): void;
  close(): void;
  tick?(time: number): void;
}

/**
 * The default transport: go-micro's HTTP/1.1 messages and our own frames on one port. What a connection begins with tells
 * which (`docs/wire.md`); a peer is dialled with frames when its registry record says `frames: "1"`, else with HTTP/1.1.
 */
export function httpTransport(options: HttpTransportOptions = {}): Transport {
  const limits = limitsFrom(options);
  const dialled: Limits = {
    ...limits,
    idleTimeoutMs: options.idleTimeoutMs === undefined ? DIALLED_IDLE_MS : limits.idleTimeoutMs,
  };
  const certificates = options.tls === undefined ? undefined : loadCertificates(options.tls);
  const useFrames = options.frames ?? true;
  const connectTo = (
    address: string,
    timeoutMs: number | undefined,
    settled: (error?: MicroError) => void,
  ): NetSocket => connect(address, { timeoutMs, tls: options.tls, certificates }, settled);

  const frames = createFrameClient({
    limits: dialled,
    connectionsPerPeer: options.connectionsPerPeer || 1,
    connect: connectTo,
  });
  const http1 = createHttp1Client({
    limits: dialled,
    poolSize: options.poolSize,
    poolTtlMs: options.poolTtlMs,
    connect: connectTo,
  });

  let ticking: NodeJS.Timeout | undefined;
  const tick = (): void => {
    frames.tick(now());
    if (frames.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };

  return {
    name: 'http',
    dial(address: string, dialOptions: DialOptions = {}): Socket {
      if (!useFrames || dialOptions.metadata?.frames !== FRAMES.frames) return http1.dial(address, dialOptions);
      if (ticking === undefined) {
        ticking = setInterval(tick, TICK_MS);
        ticking.unref();
      }
      return frames.dial(address, dialOptions);
    },
    listen: (address, accept, { plain } = {}) =>
      listen(address, { accept, plain, limits, useFrames }, options.tls, certificates),
    async close() {
      clearInterval(ticking);
      ticking = undefined;
      frames.close();
      http1.close();
    },
  };
}

/** What every connection of a listener is served with. */
interface ServeOptions {
  readonly accept: (socket: Socket) => void;
  readonly plain: ListenOptions['plain'];
  readonly limits: Limits;
  readonly useFrames: boolean;
}

async function listen(
  address: string,
  options: ServeOptions,
  tls: TlsOptions | undefined,
  certificates: Certificates | undefined,
): Promise<Listener> {
  const { limits, useFrames } = options;
  const connections = new Set<Connection>();
  let draining = false;

  const take = (socket: NetSocket): void => {
    if (connections.size >= limits.maxConnections) {
      socket.destroy();
      return;
    }
    const connection = sniff(socket, { ...options, closed: () => connections.delete(connection) });
    connections.add(connection);
    if (draining) connection.drain();
  };

  const { server, endHandshakes } =
    tls === undefined || certificates === undefined
      ? { server: createServer({ noDelay: true }, take), endHandshakes() {} }
      : tlsServer(tls, certificates, take);
  const bound = await bind(server, address);
  let lookedAt = now();
  const ticking = setInterval(() => {
    const time = now();
    const isLate = time - lookedAt > LATE_LOOK_MS;
    lookedAt = time;
    // What the peers have sent while this process stood still is read before they are taken for silent.
    if (isLate) return;
    for (const connection of [...connections]) connection.tick?.(time);
  }, TICK_MS);
  ticking.unref();

  let closing: Promise<void> | undefined;
  return {
    address: formatAddress(bound.address, bound.port),
    metadata: useFrames ? FRAMES : {},
    drain() {
      draining = true;
      for (const connection of [...connections]) connection.drain();
    },
    close() {
      closing ??= new Promise((resolve) => {
        clearInterval(ticking);
        server.close(() => resolve());
        endHandshakes();
        for (const connection of [...connections]) connection.close();
      });
      return closing;
    },
  };
}

function tlsServer(
  tls: TlsOptions,
  certificates: Certificates,
  take: (socket: NetSocket) => void,
): { readonly server: TlsServer; readonly endHandshakes: () => void } {
  const server = createTlsServer(
    { ...listenerTls(tls, certificates), ALPNProtocols: ['http/1.1'], noDelay: true },
    take,
  );
  return { server, endHandshakes: keepCertificates(server, certificates) };
}

interface SniffOptions extends ServeOptions {
  readonly closed: () => void;
}

/** Waits for the first bytes of a connection and hands it to the framing that they belong to. */
function sniff(socket: NetSocket, options: SniffOptions): Connection {
  const remote = formatAddress(socket.remoteAddress ?? '', socket.remotePort ?? 0);
  const local = formatAddress(socket.localAddress ?? '', socket.localPort ?? 0);
  const begun = now();
  let inner: Connection | undefined;
  let draining = false;

  const closedEarly = (): void => {
    if (inner === undefined) options.closed();
  };
  const first = (chunk: Buffer): void => {
    socket.off('close', closedEarly);
    const speaker =
      options.useFrames && chunk[0] === PREFACE[0]
        ? frameServer(socket, remote, chunk, draining, options)
        : serveHttp1(socket, { ...options, first: chunk, local, remote });
    inner = speaker;
    if (draining) speaker.drain();
  };
  socket.once('data', first);
  socket.on('close', closedEarly);
  socket.on('error', () => {});

  return {
    drain() {
      draining = true;
      inner?.drain();
    },
    close() {
      if (inner === undefined) socket.destroy();
      else inner.close();
    },
    tick(time) {
      if (inner !== undefined) inner.tick?.(time);
      // A connection that has said nothing yet is as good as idle.
      else if (time - begun > options.limits.stallTimeoutMs) socket.destroy();
    },
  };
}

function frameServer(
  socket: NetSocket,
  remote: string,
  first: Buffer,
  draining: boolean,
  { accept, limits, closed }: SniffOptions,
): Connection {
  const connection = new FrameConnection(socket, { limits, peer: remote, accept, closed });
  // Before the first calls are read, so that they are refused.
  if (draining) connection.drain();
  connection.readFirst(first);
  return {
    drain: () => connection.drain(),
    close: () =>
      connection.end(
        new MicroError({ id: 'go.micro.server', code: CODE.unavailable, detail: 'the server was stopped' }),
      ),
    tick: (time) => connection.tick(time),
  };
}
