import { connect as connectPlain, isIP, type Socket as NetSocket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { parseAddress } from '../util/address.ts';
import type { Certificates, TlsOptions } from '../util/tls.ts';

/** How to make a connection. */
export interface ConnectOptions {
  /** In milliseconds; `Infinity` is no limit. */
  readonly timeoutMs: number;
  readonly tls?: TlsOptions | undefined;
  readonly certificates?: Certificates | undefined;
}

/**
 * Connects to `host:port`. `settled` is called once: without an error when the connection (and TLS on it) stands, else
 * with a 503 that is marked as not executed, since nothing was sent. Returns the socket at once.
 */
export function connect(address: string, options: ConnectOptions, settled: (error?: MicroError) => void): NetSocket {
  const { host, first: port } = parseAddress(address);
  const to = { host: host === '' ? '127.0.0.1' : host, port, noDelay: true, keepAlive: true };
  const { tls } = options;
  const socket =
    tls === undefined
      ? connectPlain(to)
      : connectTls({
          ...to,
          ...options.certificates?.current(),
          ...serverNameOf(tls, to.host),
          rejectUnauthorized: tls.insecure !== true,
          ALPNProtocols: ['http/1.1'],
        });

  const timer = Number.isFinite(options.timeoutMs)
    ? setTimeout(() => fail(new Error(`no connection within ${options.timeoutMs} ms`)), options.timeoutMs)
    : undefined;
  let waiting = true;
  const settle = (error?: MicroError): void => {
    if (!waiting) return;
    waiting = false;
    clearTimeout(timer);
    settled(error);
  };
  const fail = (cause: Error): void => {
    const error = new MicroError({
      id: 'go.micro.client',
      code: CODE.unavailable,
      detail: `connection error: cannot connect to ${address}: ${cause.message}`,
      cause,
      unexecuted: true,
    });
    settle(error);
    socket.destroy();
  };
  socket.once(tls === undefined ? 'connect' : 'secureConnect', () => settle());
  socket.on('error', fail);
  socket.once('close', () => fail(new Error('the connection was closed')));
  return socket;
}

function serverNameOf(tls: TlsOptions, host: string): { servername?: string } {
  if (tls.serverName !== undefined) return { servername: tls.serverName };
  return isIP(host) === 0 ? { servername: host } : {};
}
