import { initService } from '@micro/core';
import { writeJson } from './json-records.js';
import { ORDER_PLACED, Packing, type Receipt } from './shop.js';

// What it runs on is not said here but where it is started: MICRO_REGISTRY=etcd MICRO_BROKER=nats MICRO_STORE=redis and so
// on, or the same as flags. The plugins are found by these names.
const service = await initService({ name: 'packing', server: { address: '127.0.0.1:0' } });
const { store } = service.components;
if (store === undefined) throw new Error('packing needs a store: set MICRO_STORE, or start it with --store');

service.server.subscribe(
  ORDER_PLACED,
  async (order: Receipt, { signal }) => {
    // An event comes at least once, so perhaps again: an order that is packed stays as it is.
    const packed = await store.read(order.id, { signal });
    if (packed.length === 0) await writeJson(store, order.id, order, signal);
  },
  // Of several packers one gets each order; and while there is none, the queue keeps them.
  { queue: 'packing' },
);

service.server.handle(Packing, {
  packed: async (_request, { signal }) => ({ ids: await store.list({ signal }) }),
});

await service.run();
