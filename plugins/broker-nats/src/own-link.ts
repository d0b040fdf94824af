import { setTimeout as sleep } from 'node:timers/promises';
import { CODE, type Logger, type MicroError } from '@micro/core';
import { brokerError, handlerError, reasonOf } from '@micro/core/plugin';
import type { NatsConnection } from 'nats';
import type { Dial } from './dial.ts';
import { type Link, type LinkEvents, notWanted } from './link.ts';
import type { NatsSettings } from './nats-options.ts';
import { startPulse } from './pulse.ts';
import { addressOf, discovered, type NatsServer } from './servers.ts';
import { watchStatus } from './watch-status.ts';

/** What a link of our own is made from. */
export interface OwnLinkOptions {
  readonly servers: readonly NatsServer[];
  readonly dial: Dial;
  readonly discover: boolean;
  readonly settings: NatsSettings;
  readonly logger: Logger | undefined;
  readonly events: LinkEvents;
}

const MOST_DISCOVERED = 64;

/**
 * A connection to one of several servers, which is made again when it is lost, for as long as it takes. Each one is a new
 * connection of the library: that way nothing of an old one is sent twice unknown to us, certificates and credentials are read
 * anew, and a server that hangs is left at once (the library waits for it to take what is still to be written).
 */
export function ownLink({ servers, dial, discover, settings, logger, events }: OwnLinkOptions): Link {
  let rotation = [...servers];
  let current:
    | { readonly connection: NatsConnection; readonly server: NatsServer; readonly end: () => void }
    | undefined;
  let closing = new AbortController();
  let trouble = 'it was not asked yet';
  let last: NatsServer | undefined;

  /** Tries every server once; the first one last time goes last this time. */
  const round = async (signal: AbortSignal): Promise<boolean> => {
    let error: MicroError | undefined;
    for (const server of [...rotation]) {
      if (signal.aborted) return false;
      rotation.push(...rotation.splice(rotation.indexOf(server), 1));
      try {
        const connection = await dial(server, signal);
        if (signal.aborted) await connection.close();
        else begin(connection, server);
        return !signal.aborted;
      } catch (cause) {
        error = handlerError(cause);
        last = server;
        trouble = error.detail;
      }
    }
    if (error !== undefined && isFinal(error)) throw error;
    return false;
  };

  const begin = (connection: NatsConnection, server: NatsServer): void => {
    const addresses: unknown = connection.info?.connect_urls;
    if (discover) learn(Array.isArray(addresses) ? addresses.map(String) : [], server);
    const stopWatching = watchStatus(connection, { refused: events.refused });
    const stopPulse = startPulse(connection, settings.pingIntervalMs, (reason) => lose(connection, reason));
    const end = (): void => {
      stopWatching();
      stopPulse();
    };
    current = { connection, server, end };
    last = server;
    connection.closed().then(
      (error) => lose(connection, error === undefined || error === null ? 'it hung up' : reasonOf(error)),
      () => {},
    );
    events.up(connection);
  };

  const learn = (addresses: readonly string[], teller: NatsServer): void => {
    const known = new Set(servers.map(addressOf));
    const more = addresses.slice(0, MOST_DISCOVERED).flatMap((address) => discovered(address, teller) ?? []);
    const kept = rotation.filter((server) => known.has(addressOf(server)));
    rotation = [...kept, ...more.filter((server) => !known.has(addressOf(server)))];
    // When this one is lost, the others come first.
    const here = rotation.findIndex((server) => addressOf(server) === addressOf(teller));
    if (here !== -1) rotation.push(...rotation.splice(here, 1));
  };

  const lose = (connection: NatsConnection, reason: string): void => {
    if (current?.connection !== connection) return;
    const { server, end } = current;
    current = undefined;
    end();
    trouble = reason;
    last = server;
    // Closed by us, it lets go of its socket at once, whatever the server does.
    connection.close().catch(() => {});
    events.down();
    logger?.log('warn', `lost the NATS server at ${addressOf(server)}: ${reason}; looking for it until it is back`);
    void comeBack(closing.signal);
  };

  const comeBack = async (signal: AbortSignal): Promise<void> => {
    const since = performance.now();
    for (let failures = 1; !signal.aborted; failures += 1) {
      // What ends `connect` does not end this: credentials and certificates can be put right meanwhile.
      const isUp = await round(signal).catch(() => false);
      if (isUp) {
        const ms = Math.round(performance.now() - since);
        const where = current === undefined ? trouble : addressOf(current.server);
        logger?.log('info', `connected to the NATS server at ${where} again, after ${ms} ms`);
        return;
      }
      // A process that waits for its server stays alive.
      await sleep(settings.reconnectBackoff(failures), undefined, { signal }).catch(() => {});
    }
  };

  return {
    get connection() {
      return current?.connection;
    },
    get address() {
      return last === undefined ? undefined : addressOf(last);
    },
    get trouble() {
      if (current !== undefined) return addressOf(current.server);
      const where = addressOf(last ?? servers[0] ?? { host: '', port: 0 });
      return `${where} (${trouble})`;
    },

    async open(unwanted) {
      closing = new AbortController();
      const signal = AbortSignal.any([closing.signal, unwanted]);
      const end = performance.now() + settings.connectTimeoutMs;
      for (let failures = 1; ; failures += 1) {
        if (await round(signal)) return;
        if (signal.aborted) throw notWanted();
        const left = end - performance.now();
        if (left <= 0) break;
        await sleep(Math.min(left, settings.reconnectBackoff(failures)), undefined, { signal }).catch(() => {});
      }
      const where = servers.map(addressOf).join(', ');
      const detail = `no NATS server at ${where} within ${settings.connectTimeoutMs} ms: ${trouble}`;
      throw brokerError(CODE.unavailable, detail);
    },

    async close() {
      closing.abort();
      const ended = current;
      current = undefined;
      if (ended === undefined) return;
      ended.end();
      await ended.connection.close();
    },
  };
}

/** What no second try puts right: the settings are wrong. */
function isFinal({ code }: MicroError): boolean {
  return code === CODE.badRequest || code === CODE.unauthorized || code === CODE.forbidden;
}
