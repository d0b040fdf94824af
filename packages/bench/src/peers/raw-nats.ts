import { randomUUID } from 'node:crypto';
import { connect } from 'nats';
import type { EventPeer } from '../peer.ts';
import { decodeEvent, encodeEvent, serveNats } from './nats-server.ts';

const SUBJECT = 'bench.events';

/** The library `nats` alone, with micro's envelope. It promises nothing: what is published goes to its buffer. */
export const rawNats: EventPeer = {
  async subscribe(onEvent) {
    const nats = await serveNats(false);
    const connection = await connect({ servers: nats.address });
    connection.subscribe(SUBJECT, {
      callback(error, { data }) {
        if (error !== null) throw error;
        onEvent(decodeEvent(data));
      },
    });
    await connection.flush();
    return {
      ...nats,
      async close() {
        await connection.close();
        await nats.close();
      },
    };
  },

  async connect(servers) {
    const connection = await connect({ servers });
    return {
      publish: async (body) => connection.publish(SUBJECT, encodeEvent(SUBJECT, randomUUID(), body)),
      close: () => connection.drain(),
    };
  },
};
