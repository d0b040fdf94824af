import { CODE, type Logger } from '@micro/core';
import { brokerError, reasonOf, within } from '@micro/core/plugin';
import type { NatsConnection } from 'nats';
import { type Link, type LinkEvents, notWanted } from './link.ts';
import type { NatsSettings } from './nats-options.ts';
import { watchStatus } from './watch-status.ts';

/** What a link over somebody else's connection is made from. */
export interface GivenLinkOptions {
  readonly connection: NatsConnection;
  readonly settings: NatsSettings;
  readonly logger: Logger | undefined;
  readonly events: LinkEvents;
}

/** A connection that was given to us: it comes back as its own settings say, and is not closed here. */
export function givenLink({ connection, settings, logger, events }: GivenLinkOptions): Link {
  let isUp = false;
  let trouble = 'the connection that was given is not connected';
  let stop: (() => void) | undefined;

  const down = (reason: string): void => {
    if (!isUp) return;
    isUp = false;
    trouble = reason;
    events.down();
    logger?.log('warn', `lost the NATS server at ${connection.getServer()}: ${reason}`);
  };

  const up = (): void => {
    if (isUp || stop === undefined) return;
    isUp = true;
    events.up(connection);
  };

  return {
    get connection() {
      return isUp ? connection : undefined;
    },
    get address() {
      return connection.getServer() || undefined;
    },
    get trouble() {
      return isUp ? connection.getServer() : `${connection.getServer()} (${trouble})`;
    },

    async open(unwanted) {
      if (unwanted.aborted) throw notWanted();
      if (connection.isClosed())
        throw brokerError(CODE.unavailable, 'the connection that was given is closed: give an open one');
      const limit = Number.isFinite(settings.connectTimeoutMs) ? settings.connectTimeoutMs : 0;
      try {
        await within(limit, `an answer of ${connection.getServer()}`, () => connection.flush());
      } catch (cause) {
        const detail = `the connection that was given, to ${connection.getServer()}, is not connected: ${reasonOf(cause)}`;
        throw brokerError(CODE.unavailable, detail, cause);
      }
      stop = watchStatus(connection, {
        refused: events.refused,
        disconnected: () => down('it is disconnected'),
        reconnected: () => {
          up();
          logger?.log('info', `connected to the NATS server at ${connection.getServer()} again`);
        },
      });
      connection.closed().then(
        () => down('the connection that was given was closed'),
        () => {},
      );
      up();
    },

    async close() {
      stop?.();
      stop = undefined;
      isUp = false;
    },
  };
}
