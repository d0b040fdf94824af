import { readFileSync, statSync } from 'node:fs';
import type { Socket } from 'node:net';
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type Server as TlsServer,
  type TlsOptions as TlsServerOptions,
} from 'node:tls';

/** TLS of what listens and what dials: a transport, a broker. Text given as it is stays; files are read again when they change. */
export interface TlsOptions {
  /** PEM text of the certificate chain. */
  readonly cert?: string | Buffer | undefined;
  readonly certFile?: string | undefined;
  /** PEM text of the private key. */
  readonly key?: string | Buffer | undefined;
  readonly keyFile?: string | undefined;
  /** PEM text of the authorities to trust. Default: those that Node ships. */
  readonly ca?: string | Buffer | undefined;
  readonly caFile?: string | undefined;
  /** A listener asks peers for a certificate and refuses those without a valid one. Default false. */
  readonly requireClientCert?: boolean | undefined;
  /** The name the peer's certificate must carry. Default: the host that was dialled. */
  readonly serverName?: string | undefined;
  /** Accepts any certificate. Default false: certificates are verified. */
  readonly insecure?: boolean | undefined;
}

/** How often files are looked at, at most. They are looked at when a connection is made, so no timer runs. */
const LOOK_EVERY_MS = 1_000;

/** Hands out the certificates as they are now. */
export interface Certificates {
  current(): SecureContextOptions;
  /** The files changed since the last look. */
  changed(): boolean;
}

/** Reads the certificates now, so that a missing file is an error at the start and not at the first call. */
export function loadCertificates(options: TlsOptions): Certificates {
  const files = [options.certFile, options.keyFile, options.caFile].filter((file) => file !== undefined);
  const stamp = (): string => files.map((file) => statSync(file).mtimeMs).join();
  const read = (): SecureContextOptions => ({
    cert: options.certFile === undefined ? options.cert : readFileSync(options.certFile),
    key: options.keyFile === undefined ? options.key : readFileSync(options.keyFile),
    ca: options.caFile === undefined ? options.ca : readFileSync(options.caFile),
    minVersion: 'TLSv1.2',
  });

  let seen = stamp();
  let context = read();
  let lookedAt = performance.now();

  const changed = (): boolean => {
    if (files.length === 0 || performance.now() - lookedAt < LOOK_EVERY_MS) return false;
    lookedAt = performance.now();
    try {
      const stampNow = stamp();
      if (stampNow === seen) return false;
      context = read();
      seen = stampNow;
      return true;
    } catch {
      // Half way through being replaced: the old certificates serve until the new ones can be read.
      return false;
    }
  };

  return {
    current() {
      changed();
      return context;
    },
    changed,
  };
}

/**
 * What connections that dial are made with: a context of the certificates as they are when it is asked for. Throws what Node
 * says when those that are there now cannot be used; later ones that cannot leave the last good context in place.
 */
export function secureContexts(certificates: Certificates): () => SecureContext {
  let good = createSecureContext(certificates.current());
  return () => {
    try {
      good = createSecureContext(certificates.current());
    } catch {
      // Half way through being replaced, the certificate and the key do not belong together: the old ones serve.
    }
    return good;
  };
}

/** What a listener is made with: the certificates as they are now, and whether peers need one too. */
export function listenerTls(tls: TlsOptions, certificates: Certificates): TlsServerOptions {
  const needsPeer = tls.requireClientCert === true;
  return { ...certificates.current(), requestCert: needsPeer, rejectUnauthorized: needsPeer };
}

/**
 * Gives a listener the certificates that are there when a connection comes in, and ends connections whose handshake fails
 * or takes too long: Node leaves those open. Returns what ends the handshakes that go on, for when the listener closes,
 * since it waits for them otherwise.
 */
export function keepCertificates(server: TlsServer, certificates: Certificates): () => void {
  /** By the address of the peer: Node does not say which connection a secured one was made of. */
  const greeting = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    refresh(server, certificates);
    const peer = peerOf(socket);
    greeting.set(peer, socket);
    socket.once('close', () => {
      if (greeting.get(peer) === socket) greeting.delete(peer);
    });
  });
  server.on('secureConnection', (socket) => greeting.delete(peerOf(socket)));
  // A handshake that fails is the peer's trouble; without a listener it would be ours.
  server.on('tlsClientError', (_, socket) => socket.destroy());
  return () => {
    for (const socket of [...greeting.values()]) socket.destroy();
  };
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function refresh(server: TlsServer, certificates: Certificates): void {
  if (!certificates.changed()) return;
  try {
    server.setSecureContext(certificates.current());
  } catch {
    // A certificate and a key that do not belong together, seen between two renames: the old pair goes on serving.
  }
}
