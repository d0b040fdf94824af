import { natsBroker } from '@micro/broker-nats';
import { CODE, createEvent, createService, MicroError } from '@micro/core';
import { etcdRegistry } from '@micro/registry-etcd';
import { redisStore } from '@micro/store-redis';
import { readJson, writeJson } from './json-records.js';
import { settings } from './settings.js';
import { Catalogue, ORDER_PLACED, Orders, type Receipt } from './shop.js';

const { etcd, nats, redis, logger } = settings('orders');
const store = redisStore({ url: redis, table: 'orders/', logger });

const service = createService({
  name: 'orders',
  registry: etcdRegistry({ hosts: etcd, logger }),
  // With JetStream an event is kept until it was handled, whoever restarts meanwhile.
  broker: natsBroker({ servers: nats, jetStream: true, logger }),
  store,
  logger,
  server: { address: '127.0.0.1:0' },
});

const catalogue = service.client.of(Catalogue, 'catalogue');
const placed = createEvent<Receipt>(service.client, ORDER_PLACED);

service.server.handle(Orders, {
  async place({ id, item, count }, ctx) {
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new MicroError({ id: 'orders', code: CODE.badRequest, detail: `count is ${count}; order 1 or more` });
    }
    let receipt = await readJson<Receipt>(store, id, ctx.signal);
    if (receipt === undefined) {
      const { cents } = await catalogue.price({ item }, ctx);
      receipt = { id, item, count, totalCents: cents * count };
      await writeJson(store, id, receipt, ctx.signal);
    }
    // Also for an order that is known: whoever places it again was perhaps not told that it was published.
    await placed.publish(receipt, ctx);
    return receipt;
  },
});

await service.run();
