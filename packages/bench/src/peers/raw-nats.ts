import { randomUUID } from 'node:crypto';
import { connect } from 'nats';
import type { EventBody } from '../event.ts';
import type { EventPeer, Publisher, Served } from '../peer.ts';
import { decodeEvent, encodeEvent, serveNats } from './nats-server.ts';

const SUBJECT = 'bench.events';

/** The library `nats` alone, with micro's envelope. It promises nothing: what is published goes to its buffer. */
export const rawNats: EventPeer = { subscribe, connect: (servers) => publisherTo(servers, false) };

/** The same where a publication ends when the server has it: it is asked once for all that was published in one turn. */
export const rawNatsConfirmed: EventPeer = { subscribe, connect: (servers) => publisherTo(servers, true) };

async function subscribe(onEvent: (body: EventBody) => void): Promise<Served> {
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
}

async function publisherTo(servers: string, confirmed: boolean): Promise<Publisher> {
  const connection = await connect({ servers });
  let asked: Promise<void> | undefined;
  const confirmation = (): Promise<void> => {
    asked ??= new Promise((resolve, reject) => {
      process.nextTick(() => {
        asked = undefined;
        connection.flush().then(resolve, reject);
      });
    });
    return asked;
  };
  return {
    async publish(body) {
      connection.publish(SUBJECT, encodeEvent(SUBJECT, randomUUID(), body));
      if (confirmed) await confirmation();
    },
    close: () => connection.drain(),
  };
}
