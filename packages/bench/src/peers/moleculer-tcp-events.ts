import type { EventBody } from '../event.ts';
import type { EventPeer } from '../peer.ts';
import { createBroker, DISCOVERY_MS, SERVER } from './moleculer-tcp.ts';

const SERVICE = 'bench';
const EVENT = 'bench.event';

/**
 * Moleculer's events over its TCP transporter, to every subscriber (`broadcast`). They are sent and forgotten: the promise
 * resolves when the bytes were given to the socket, and nobody says whether they arrived or were handled.
 */
export const moleculerTcpEvents: EventPeer = {
  async subscribe(onEvent) {
    const broker = createBroker(SERVER, []);
    broker.createService({
      name: SERVICE,
      events: { [EVENT]: (ctx: { params: EventBody }) => onEvent(ctx.params) },
    });
    await broker.start();
    return { address: String(broker.registry.nodes.localNode.port), close: () => broker.stop() };
  },

  async connect(address) {
    const broker = createBroker('client', [`127.0.0.1:${address}/${SERVER}`]);
    await broker.start();
    // Before the subscriber is known its events go nowhere, and nothing says so.
    await broker.waitForServices(SERVICE, DISCOVERY_MS);
    return {
      publish: async (body) => {
        await broker.broadcast(EVENT, body);
      },
      close: () => broker.stop(),
    };
  },
};
