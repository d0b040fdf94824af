import { createServer, type Socket as NetSocket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import {
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import type { Listener, ListenOptions, TlsOptions } from '@micro/core';
import { bind, formatAddress, keepCertificates, listenerTls, loadCertificates, within } from '@micro/core/plugin';
import { type GrpcLimits, grpcMessageLimit } from './grpc-options.ts';
import { statusOf } from './grpc-status.ts';
import { type OpenCall, refuseCall, type ServeCall } from './incoming-call.ts';
import { answerPlain, isHttp2, SILENT_MS } from './plain-http.ts';
import { draining as refusal, stopped } from './refusal.ts';

/** What a listener is made with. */
export interface GrpcListenOptions {
  readonly limits: GrpcLimits;
  readonly tls: TlsOptions | undefined;
  readonly plain: ListenOptions['plain'];
  /** What the registry should say of nodes that listen here. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Adds the paths that are served, now or later. */
  readonly paths: (serve: (path: string, call: ServeCall) => void) => void;
  /** The listener takes nothing new any more. */
  readonly drained?: (() => void) | undefined;
  /** The listener is closed. */
  readonly closed?: (() => void) | undefined;
}

/** Bytes that may be on their way for one stream: what core's own streams have. */
export const WINDOW_BYTES = 256 * 1024;
/** How long peers may take to end what was closed, in milliseconds. */
const LINGER_MS = 500;
const NEVER_MS = 0x7fff_ffff;

/**
 * Listens for gRPC, and on the same port answers plain HTTP/1.1, so that whoever asks a node for its health needs no gRPC.
 * The connections are our own and gRPC's library is handed them: so ranges of ports, limits and certificates that change
 * are what they are with core's transport.
 */
export async function listenGrpc(address: string, options: GrpcListenOptions): Promise<Listener> {
  const { limits, tls, plain } = options;
  const open = new Set<OpenCall>();
  const sockets = new Set<NetSocket>();
  /** Those of them that speak HTTP/2, each with its end. */
  const sessions = new Map<NetSocket, Promise<void>>();
  const served = new Map<string, ServeCall>();
  let draining = false;

  /** Takes a call out of the library's hands before its streams are made: what it needs is less than they do. */
  const intercept: ServerInterceptor = (method, call) => {
    const serve = served.get(method.path);
    if (serve !== undefined) take(serve, call);
    return new ServerInterceptingCall(call, { start() {} });
  };

  const take = (serve: ServeCall, call: ServerInterceptingCallInterface): void => {
    if (draining) {
      refuseCall(call, statusOf(refusal()));
      return;
    }
    const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = call.getConnectionInfo();
    const opened = serve({
      call,
      local: formatAddress(localAddress, localPort),
      remote: formatAddress(remoteAddress, remotePort),
      closed: () => open.delete(opened),
    });
    open.add(opened);
  };

  const grpc = new Server({
    interceptors: [intercept],
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': grpcMessageLimit(limits),
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': Math.min(limits.maxInFlight, NEVER_MS),
    'grpc.max_connection_idle_ms': Math.min(limits.listenerIdleMs, NEVER_MS),
    'grpc-node.flow_control_window': WINDOW_BYTES,
    ...(limits.keepaliveMs === Number.POSITIVE_INFINITY
      ? {}
      : {
          'grpc.keepalive_time_ms': limits.keepaliveMs,
          'grpc.keepalive_timeout_ms': Math.min(limits.keepaliveTimeoutMs, NEVER_MS),
        }),
  });
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const http = answerPlain(plain);

  const connected = (socket: NetSocket): void => {
    if (sockets.size >= limits.maxConnections) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    isHttp2(socket, (yes) => {
      if (!yes) {
        http.emit('connection', socket);
        return;
      }
      const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      sessions.set(socket, ended);
      socket.once('close', () => sessions.delete(socket));
      injector.injectConnection(socket);
    });
  };
  const certificates = tls === undefined ? undefined : loadCertificates(tls);
  const server =
    tls === undefined || certificates === undefined
      ? createServer({ noDelay: true }, connected)
      : createTlsServer(
          {
            ...listenerTls(tls, certificates),
            ALPNProtocols: ['h2', 'http/1.1'],
            handshakeTimeout: SILENT_MS,
            noDelay: true,
          },
          connected,
        );
  const endHandshakes =
    certificates !== undefined && 'setSecureContext' in server ? keepCertificates(server, certificates) : () => {};

  options.paths((path, serve) => {
    served.set(path, serve);
    // The library routes by path; its handler is never reached.
    grpc.register(path, () => {}, identity, identity, 'bidi');
  });
  const bound = await bind(server, address);

  let closing: Promise<void> | undefined;
  let leaving: Promise<void> | undefined;
  /**
   * HTTP/2's word for draining: what is open goes on, and clients open new streams elsewhere. Over when the connections
   * are: the library believes so at once on Node 24, whose HTTP/2 server closes its sessions before the library does.
   */
  const goAway = async (): Promise<void> => {
    grpc.tryShutdown(() => {});
    await Promise.all(sessions.values());
  };

  return {
    address: formatAddress(bound.address, bound.port),
    metadata: options.metadata,
    drain() {
      if (draining) return;
      draining = true;
      server.close();
      options.drained?.();
      for (const call of [...open]) call.drain();
      leaving ??= goAway();
    },
    close() {
      closing ??= end();
      return closing;
    },
  };

  async function end(): Promise<void> {
    draining = true;
    options.closed?.();
    const ended = new Promise<void>((resolve) => {
      if (!server.listening && sockets.size === 0) resolve();
      else server.close(() => resolve());
    });
    endHandshakes();
    for (const call of [...open]) call.close(stopped());
    // Peers that live hear how their calls ended before the connection does; others are not waited for.
    leaving ??= goAway();
    await within(LINGER_MS, 'closing connections', () => leaving ?? Promise.resolve()).catch(() => {});
    grpc.forceShutdown();
    http.close();
    for (const socket of [...sockets]) socket.destroy();
    await ended;
  }
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}
