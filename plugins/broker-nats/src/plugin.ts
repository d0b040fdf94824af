import { type Broker, CODE, type Flags, type Plugin } from '@micro/core';
import { brokerError } from '@micro/core/plugin';
import { natsBroker } from './nats-broker.ts';

/**
 * What `--broker nats --broker_address nats://user:password@host:4222,host2` makes; `?jetstream` behind the last address asks
 * for JetStream. Without an address it is `127.0.0.1:4222`, as in go-micro.
 */
export const plugin: Plugin<Broker> = {
  api: 1,
  kind: 'broker',
  name: 'nats',
  create({ broker_address: given }, { logger }) {
    const addresses = addressesOf(given);
    const jetStream = addresses.at(-1)?.endsWith(JETSTREAM) === true;
    const servers = addresses.map((address) =>
      address.endsWith(JETSTREAM) ? address.slice(0, -JETSTREAM.length) : address,
    );
    return natsBroker({ logger, jetStream, ...(servers.length === 0 ? {} : { servers }) });
  },
};

const JETSTREAM = '?jetstream';

function addressesOf(given: Flags[string]): readonly string[] {
  if (given === undefined) return [];
  const list = typeof given === 'string' ? [given] : given;
  if (!Array.isArray(list))
    throw brokerError(CODE.badRequest, '--broker_address is a list of addresses of NATS servers');
  return list
    .flatMap((text: unknown) => String(text).split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '');
}
