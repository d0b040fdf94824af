import { createInterface } from 'node:readline';
import { createEvent, createService } from '@micro/core';
import { NEWS, type News, ORDERS, type Order } from './events.js';
import { exampleRegistry } from './registry.js';

// Publishes what it is told on stdin, a line each: `news <text>` or `order <number>`. At the end of stdin it stops, which
// waits until what was published has been taken.
await using service = createService({
  name: 'shop',
  registry: exampleRegistry(),
  server: { address: '127.0.0.1:0' },
});
const news = createEvent<News>(service.client, NEWS);
const orders = createEvent<Order>(service.client, ORDERS);

for await (const line of createInterface({ input: process.stdin })) {
  const [what, ...words] = line.split(' ');
  if (what === 'news') await news.publish({ text: words.join(' ') });
  if (what === 'order') await orders.publish({ number: Number(words[0]) });
  console.log(`shop: ${line}`);
}
