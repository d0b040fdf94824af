import { createEvent, createService, memoryBroker, memoryRegistry, type Service } from '@micro/core';
import type { EventBody } from '../event.ts';
import type { EventPeer, Publisher } from '../peer.ts';

const TOPIC = 'bench.events';
const HOST = '127.0.0.1';
/** The service that subscriptions of the http broker are registered under. */
const SUBSCRIPTIONS = 'micro.http.broker';

/**
 * Micro with its defaults: a service that subscribes, one that publishes, and the http broker that each has by itself. What
 * the subscriber registered is handed to the publisher's registry as it is.
 */
export const microHttpEvents: EventPeer = {
  async subscribe(onEvent) {
    const registry = memoryRegistry();
    const service = createService({ name: 'subscriber', registry, server: { address: `${HOST}:0` } });
    service.server.subscribe(TOPIC, onEvent);
    await service.start();
    return { address: JSON.stringify(await registry.getService(SUBSCRIPTIONS)), close: () => service.stop() };
  },
  connect: async (records) => {
    const registry = memoryRegistry({ services: JSON.parse(records) });
    return publisherOf(createService({ name: 'publisher', registry }));
  },
};

/** Micro in one process: a service that subscribes to what it publishes, over the memory broker. */
export function microMemoryEvents(): EventPeer {
  const broker = memoryBroker();
  const serviceNamed = (name: string): Service =>
    createService({ name, registry: memoryRegistry(), broker, server: { address: `${HOST}:0` } });
  return {
    async subscribe(onEvent) {
      const service = serviceNamed('subscriber');
      service.server.subscribe(TOPIC, onEvent);
      await service.start();
      return { address: '', close: () => service.stop() };
    },
    connect: async () => publisherOf(serviceNamed('publisher')),
  };
}

function publisherOf(service: Service): Publisher {
  const event = createEvent<EventBody>(service.client, TOPIC);
  return { publish: (body) => event.publish(body), close: () => service.stop() };
}
