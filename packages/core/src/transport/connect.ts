import { connect as connectPlain, isIP, type Socket as NetSocket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { dialTarget } from '../util/address.ts';
import { limitOf } from '../util/limit.ts';
import { LONGEST_TIMER_MS } from '../util/timer.ts';
import type { Certificates, TlsOptions } from '../util/tls.ts';

/** go-micro's dial timeout. */
const TIMEOUT_MS = 5_000;

/** How to make a connection. */
export interface ConnectOptions {
  /** In milliseconds. Default 5,000; 0 is no limit. */
  readonly timeoutMs: number | undefined;
  readonly tls?: TlsOptions | undefined;
  readonly certificates?: Certificates | undefined;
}

/**
 * Connects to `host:port`. `settled` is called once: without an error when the connection (and TLS on it) stands, else
 * with a 503 that is marked as not executed, since nothing was sent. Returns the socket at once.
 */
export function connect(address: string, options: ConnectOptions, settled: (error?: MicroError) => void): NetSocket {
  const to = { ...dialTarget(address), noDelay: true, keepAlive: true };
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

  const timeoutMs = limitOf('timeoutMs', options.timeoutMs, TIMEOUT_MS);
  const late = (): void => fail(new Error(`no connection within ${timeoutMs} ms`));
  const timer = timeoutMs > LONGEST_TIMER_MS ? undefined : setTimeout(late, timeoutMs);
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
