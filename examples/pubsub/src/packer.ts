import { createService } from '@micro/core';
import { NEWS, type News, ORDERS, type Order } from './events.js';
import { exampleRegistry } from './registry.js';

const name = process.argv[2] ?? 'packer';
const service = createService({
  name: 'packer',
  registry: exampleRegistry(),
  server: { address: '127.0.0.1:0' },
  hooks: { afterStart: [() => console.log(`${name}: ready`)] },
});

// Without a queue every packer reads it; of those who name one queue one gets each order.
service.server.subscribe(NEWS, ({ text }: News) => console.log(`${name}: read ${text}`));
service.server.subscribe(ORDERS, ({ number }: Order) => console.log(`${name}: packed ${number}`), { queue: 'packers' });

await service.run();
