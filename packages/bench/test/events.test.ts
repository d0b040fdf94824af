import { expect, test } from 'vitest';
import { createArrivals, type Receipt } from '../src/arrivals.ts';
import { eventBody, nowUs } from '../src/event.ts';
import type { LoadResult } from '../src/load.ts';
import type { Publisher } from '../src/peer.ts';
import { runPublish } from '../src/publish.ts';
import { fetchReceipts, giveReceipts, localReceipts } from '../src/receipts.ts';

const onLinux = test.skipIf(process.platform !== 'linux');
const event = (index: number) => eventBody(index, nowUs());

test('an event that comes twice is refused, before and after those that it overtook', () => {
  const { take } = createArrivals(64, () => {});
  for (const index of [0, 2, 1, 4]) take(event(index));
  for (const index of [0, 1, 2, 4]) expect(() => take(event(index))).toThrow(`event ${index} was received twice`);
  take(event(3));
});

test('an event that was never published is refused', () => {
  const { take } = createArrivals(64, () => {});
  for (const wrong of [
    { id: 7 },
    { id: 1_000_000.5 },
    { name: '' },
    { active: false },
    { note: '' },
    { sentUs: 0.5 },
  ]) {
    expect(() => take({ ...event(0), ...wrong })).toThrow('not one that was published');
  }
});

test('an event is lost when 10,000 after it have come without it', () => {
  const { take } = createArrivals(64, () => {});
  for (let index = 1; index <= 10_000; index++) take(event(index));
  expect(() => take(event(10_001))).toThrow('event 0 is lost');
});

test('a receipt is given for every quarter of the window, and at once for the last, with how long they took', () => {
  const receipts: Receipt[] = [];
  const { take, upTo } = createArrivals(8, (receipt) => receipts.push(receipt));
  upTo(5);
  for (let index = 0; index < 5; index++) take(eventBody(index, nowUs() - 1_000));
  expect(receipts.map(({ received, latencies }) => [received, latencies !== undefined])).toEqual([
    [2, false],
    [4, false],
    [5, true],
  ]);
  expect(receipts[2]?.latencies?.p50Us).toBeGreaterThan(980);
  upTo(5);
  expect(receipts[3]).toEqual({ received: 5, latencies: { p50Us: 0, p99Us: 0, maxUs: 0 } });
});

/** Publishes 100 events, which `handle` lets arrive or not, and says how many were on their way at most. */
async function publishTo(
  handle: (index: number, take: () => void) => void,
  limitMs: number,
): Promise<LoadResult & { most: number }> {
  const { arrivals, receipts } = localReceipts(8);
  let index = 0;
  let onTheirWay = 0;
  let most = 0;
  const publisher: Publisher = {
    async publish(body) {
      most = Math.max(most, ++onTheirWay);
      const mine = index++;
      setImmediate(() =>
        handle(mine, () => {
          onTheirWay--;
          arrivals.take(body);
        }),
      );
    },
    close: async () => {},
  };
  const order = { inFlight: 8, warmUpMs: 5, messages: 100, limitMs, subscriberPids: [] };
  return { ...(await runPublish(publisher, receipts, order)), most };
}

onLinux('no more than are to be in flight are published ahead', async () => {
  const { most, calls } = await publishTo((_, take) => take(), 10_000);
  expect(most).toBe(8);
  expect(calls).toBe(100);
});

onLinux('a peer that loses one event is given up by its deadline', async () => {
  await expect(publishTo((index, take) => (index === 1 ? undefined : take()), 500)).rejects.toThrow(
    /did not all arrive/,
  );
});

onLinux('a publisher that refuses ends the measurement', async () => {
  const publisher: Publisher = {
    publish: () => Promise.reject(new Error('refused')),
    close: async () => {},
  };
  const { receipts } = localReceipts(8);
  const order = { inFlight: 8, warmUpMs: 5, messages: 100, limitMs: 5_000, subscriberPids: [] };
  await expect(runPublish(publisher, receipts, order)).rejects.toThrow('refused');
});

test('receipts reach the publisher in another process', async () => {
  const giver = await giveReceipts(4);
  const receipts = await fetchReceipts(giver.address);
  try {
    const more = receipts.more();
    giver.take(event(0));
    await more;
    expect(receipts.received).toBe(1);
    const arrived = receipts.upTo(2);
    giver.take(event(1));
    expect((await arrived).p50Us).toBeGreaterThanOrEqual(0);
  } finally {
    receipts.close();
    await giver.close();
  }
});
