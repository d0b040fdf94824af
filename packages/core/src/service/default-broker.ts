import { httpBroker } from '../broker/http-broker.ts';
import type { Broker } from '../contract/broker.ts';
import type { Logger } from '../contract/logger.ts';
import type { Registry } from '../contract/registry.ts';
import type { ServerSettings } from '../server/server-settings.ts';

const PORT = /:\d+(?:-\d+)?$/;

/**
 * The broker of a service that was given none: go-micro's http broker, on the host that the server is on, at a port of its
 * own. Nothing listens before the first subscription, and nothing is looked up before the first event is published.
 */
export function defaultBroker(registry: Registry, logger: Logger, id: string, settings: ServerSettings = {}): Broker {
  const { address = ':0', advertise, drainMs } = settings;
  return httpBroker({
    registry,
    logger,
    id,
    address: PORT.test(address) ? address.replace(PORT, ':0') : ':0',
    advertise: advertise?.replace(PORT, ''),
    drainMs,
  });
}
