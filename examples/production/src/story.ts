import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from '@micro/core';
import type { Server, Servers } from './servers.js';
import { Catalogue, Orders, Packing } from './shop.js';

/** How long a server stays away. */
const OUTAGE_MS = 500;
/** Longer than anything here takes. */
const PATIENCE_MS = 30_000;

/** Who plays a part in the story. */
export interface Cast {
  readonly customer: Service;
  readonly servers: Servers;
  readonly packing: { start(): void; end(): Promise<void> };
  /** Ends the story in the middle. */
  readonly signal: AbortSignal;
  say(line: string): void;
}

/** Orders cups from the three services while what they stand on is killed; tells what became of the orders. */
export async function story({ customer, servers, packing, signal, say }: Cast): Promise<void> {
  const catalogue = customer.client.of(Catalogue, 'catalogue');
  const orders = customer.client.of(Orders, 'orders');
  const packer = customer.client.of(Packing, 'packing');
  const ordered: string[] = [];

  async function order(count: number): Promise<void> {
    const placing = Array.from({ length: count }, async () => {
      const { id } = await orders.place({ id: randomUUID(), item: 'cup', count: 1 });
      ordered.push(id);
    });
    await Promise.all(placing);
  }

  async function allPacked(): Promise<void> {
    await until('all orders are packed', signal, async () => {
      const packed = new Set((await packer.packed({})).ids);
      return ordered.every((id) => packed.has(id));
    });
  }

  async function without({ name, own }: Server): Promise<void> {
    // Somebody else's server is not ours to kill.
    if (own === undefined) return;
    await own.kill();
    const placing = order(10);
    await Promise.all([placing, sleep(OUTAGE_MS, undefined, { signal }).then(() => own.start())]);
    await allPacked();
    say(`${name} was killed and came back, and the 10 orders of that time are placed and packed`);
  }

  const { registry } = customer.components;
  await until('the services are there', signal, async () => {
    const names = await registry.listServices();
    return ['catalogue', 'orders', 'packing'].every((name) => names.includes(name));
  });
  say('catalogue, orders and packing found each other');

  await catalogue.setPrice({ item: 'cup', cents: 950 });
  const prices = [await catalogue.price({ item: 'cup' }), await catalogue.price({ item: 'cup' })];
  await catalogue.setPrice({ item: 'cup', cents: 990 });
  prices.push(await catalogue.price({ item: 'cup' }));
  say(`a cup costs ${prices.map(({ cents, readFrom }) => `${cents} (${readFrom})`).join(', then ')}`);

  await order(10);
  await allPacked();
  say('10 orders are placed and packed');

  await without(servers.nats);
  await without(servers.redis);
  await without(servers.etcd);

  await packing.end();
  await order(10);
  packing.start();
  await allPacked();
  say('packing was restarted, and the 10 orders of that time are packed');
}

/** Asks again until it is so; throws what it waited for when that takes too long. */
async function until(what: string, signal: AbortSignal, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  let trouble: unknown;
  do {
    try {
      if (await isSo()) return;
      trouble = undefined;
    } catch (error) {
      trouble = error;
    }
    await sleep(50, undefined, { signal });
  } while (Date.now() < deadline);
  throw new Error(`not within ${PATIENCE_MS} ms: ${what}`, { cause: trouble });
}
