import { connect } from 'node:net';
import { CODE, type MicroError } from '@micro/core';
import { brokerError, onAbort, reasonOf } from '@micro/core/plugin';
import { addressOf, type NatsServer } from './servers.ts';

/** What a server says of itself before anything else. */
export interface ServerInfo {
  readonly tlsRequired: boolean;
  readonly tlsAvailable: boolean;
}

const PREFIX = 'INFO ';
const LONGEST_INFO = 1024 * 1024;

/**
 * Connects to a server to see whether one is there, and hangs up. The library's own attempt to connect to a server that accepts
 * and then says nothing (it hangs, or is another service) ends in time too, but leaves its socket open for good: so nobody
 * is dialled who has not spoken. Throws 503 for one that cannot be reached or is no NATS server, 408 for one that is silent, 499
 * when the signal aborts.
 */
export function greet(server: NatsServer, timeoutMs: number, signal: AbortSignal): Promise<ServerInfo> {
  const address = addressOf(server);
  return new Promise((resolve, reject) => {
    let heard = '';
    const end = (outcome: ServerInfo | MicroError): void => {
      clearTimeout(timer);
      detach();
      socket.destroy();
      if ('code' in outcome) reject(outcome);
      else resolve(outcome);
    };
    const silent = (): void => end(brokerError(CODE.timeout, `${address} did not answer within ${timeoutMs} ms`));
    const timer = setTimeout(silent, timeoutMs);
    const detach = onAbort(signal, () => end(brokerError(CODE.cancelled, `nobody waits for ${address} any more`)));
    const socket = connect({ host: server.host, port: server.port });
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      heard += text;
      if (!heard.startsWith(PREFIX.slice(0, heard.length)) || heard.length > LONGEST_INFO) {
        const shown = JSON.stringify(heard.slice(0, 20));
        end(brokerError(CODE.unavailable, `${address} is no NATS server: it says ${shown}`));
      } else if (heard.includes('\r\n')) {
        end(infoOf(address, heard.slice(PREFIX.length, heard.indexOf('\r\n'))));
      }
    });
    socket.on('error', (cause) =>
      end(brokerError(CODE.unavailable, `cannot reach ${address}: ${reasonOf(cause)}`, cause)),
    );
    socket.on('close', () => end(brokerError(CODE.unavailable, `${address} hung up at once`)));
  });
}

function infoOf(address: string, json: string): ServerInfo | MicroError {
  try {
    const info = JSON.parse(json) as Readonly<Record<string, unknown>>;
    return { tlsRequired: info.tls_required === true, tlsAvailable: info.tls_available === true };
  } catch (cause) {
    return brokerError(CODE.unavailable, `${address} is no NATS server: its INFO is no JSON`, cause);
  }
}
