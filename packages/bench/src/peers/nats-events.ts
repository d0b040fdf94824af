import { randomUUID } from 'node:crypto';
import { natsBroker } from '@micro/broker-nats';
import { createEvent, createService, memoryRegistry, type Service } from '@micro/core';
import type { EventBody } from '../event.ts';
import type { EventPeer } from '../peer.ts';
import { serveNats } from './nats-server.ts';

const TOPIC = 'bench.events';

/** Micro's events over plain NATS. A publication ends when the server has the message. */
export const microNats = microOverNats(false);

/** Micro's events over JetStream, on disk. A publication ends when the stream keeps the message; each is acknowledged. */
export const microJetStream = microOverNats(true);

/** The broker alone over plain NATS, without a service: what `raw-nats` does, and what else a broker promises. */
export const microNatsBroker = brokerOverNats(false);

/** The broker alone over JetStream, without a service. */
export const microJetStreamBroker = brokerOverNats(true);

function brokerOverNats(jetStream: boolean): EventPeer {
  return {
    async subscribe(onEvent) {
      const nats = await serveNats(jetStream);
      const broker = natsBroker({ servers: nats.address, jetStream });
      await broker.connect();
      await broker.subscribe(TOPIC, ({ message }) => onEvent(JSON.parse(Buffer.from(message.body).toString())));
      return {
        ...nats,
        async close() {
          await broker.disconnect();
          await nats.close();
        },
      };
    },
    async connect(servers) {
      const broker = natsBroker({ servers, jetStream });
      await broker.connect();
      return {
        publish: (body) => {
          const header = { 'Content-Type': 'application/json', 'Micro-Id': randomUUID(), 'Micro-Topic': TOPIC };
          return broker.publish(TOPIC, { header, body: Buffer.from(JSON.stringify(body)) });
        },
        close: () => broker.disconnect(),
      };
    },
  };
}

function microOverNats(jetStream: boolean): EventPeer {
  const serviceNamed = (name: string, servers: string): Service =>
    createService({
      name,
      registry: memoryRegistry(),
      broker: natsBroker({ servers, jetStream }),
      server: { address: '127.0.0.1:0' },
    });
  return {
    async subscribe(onEvent) {
      const nats = await serveNats(jetStream);
      const service = serviceNamed('subscriber', nats.address);
      service.server.subscribe(TOPIC, onEvent);
      await service.start();
      return {
        ...nats,
        async close() {
          await service.stop();
          await nats.close();
        },
      };
    },
    async connect(address) {
      const service = serviceNamed('publisher', address);
      const event = createEvent<EventBody>(service.client, TOPIC);
      return { publish: (body) => event.publish(body), close: () => service.stop() };
    },
  };
}
