import { randomUUID } from 'node:crypto';
import { AckPolicy, connect, DeliverPolicy, StorageType } from 'nats';
import type { EventPeer } from '../peer.ts';
import { decodeEvent, encodeEvent, serveNats } from './nats-server.ts';

const STREAM = 'BENCH';
const SUBJECT = 'bench.events';
const CONSUMER = 'bench';

/** JetStream with the library `nats` alone: a stream on disk, every publication confirmed, every message acknowledged. */
export const rawJetStream: EventPeer = {
  async subscribe(onEvent) {
    const nats = await serveNats(true);
    const connection = await connect({ servers: nats.address });
    const manager = await connection.jetstreamManager();
    await manager.streams.add({ name: STREAM, subjects: [SUBJECT], storage: StorageType.File });
    await manager.consumers.add(STREAM, {
      durable_name: CONSUMER,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.New,
    });
    const consumer = await connection.jetstream().consumers.get(STREAM, CONSUMER);
    await consumer.consume({
      max_messages: 256,
      callback(message) {
        onEvent(decodeEvent(message.data));
        message.ack();
      },
    });
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
    const stream = connection.jetstream();
    return {
      async publish(body) {
        const id = randomUUID();
        await stream.publish(SUBJECT, encodeEvent(SUBJECT, id, body), { msgID: id });
      },
      close: () => connection.drain(),
    };
  },
};
