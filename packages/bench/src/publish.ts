import { deadline } from './deadline.ts';
import { eventBody, nowUs } from './event.ts';
import type { LoadResult } from './load.ts';
import type { Publisher } from './peer.ts';
import { noise, rssMb, usage } from './proc.ts';
import type { Receipts } from './receipts.ts';

/** What one publisher is asked to do. */
export interface PublishOrder {
  /** How many messages are published and not known to be received, at most. */
  readonly inFlight: number;
  /** Messages before anything is counted, in milliseconds. */
  readonly warmUpMs: number;
  /** Then exactly so many. */
  readonly messages: number;
  /** It fails when it takes longer than this, in milliseconds. */
  readonly limitMs: number;
  /** The subscriber's process, and those that it started to do the work; none when it is in this one. */
  readonly subscriberPids: readonly number[];
}

/**
 * Publishes without waiting for one message before the next, as long as no more than `inFlight` are on their way; then
 * closes the publisher, and makes sure that what it still delivered was nothing that had come before.
 */
export async function runPublish(publisher: Publisher, receipts: Receipts, order: PublishOrder): Promise<LoadResult> {
  const { inFlight, subscriberPids, messages } = order;
  const pids = [...subscriberPids, process.pid];
  let published = 0;
  let stopped = false;
  let refuse = (_: unknown) => {};
  const refused = new Promise<never>((_, reject) => {
    refuse = reject;
  });

  const publishWhile = async (wanted: () => boolean): Promise<void> => {
    while (!stopped && wanted()) {
      if (published - receipts.received >= inFlight) await receipts.more();
      else publisher.publish(eventBody(published++, nowUs())).catch(refuse);
    }
  };

  const measure = async (): Promise<LoadResult> => {
    const warmUntil = performance.now() + order.warmUpMs;
    await publishWhile(() => performance.now() < warmUntil);
    await receipts.upTo(published);

    const last = published + messages;
    const arrived = receipts.upTo(last);
    const start = usage(pids);
    await publishWhile(() => published < last);
    const latencies = await arrived;
    const end = usage(pids);
    const result = {
      rate: messages / ((end.atMs - start.atMs) / 1_000),
      ...latencies,
      cpuSecondsPer10k: ((end.cpuSeconds - start.cpuSeconds) / messages) * 10_000,
      serverRssMb: subscriberPids.reduce((sum, pid) => sum + rssMb(pid), 0),
      clientRssMb: rssMb(process.pid),
      noise: noise(start, end),
      calls: messages,
    };
    await publisher.close();
    await receipts.upTo(last);
    return result;
  };

  const limit = deadline(
    order.limitMs,
    () => `events did not all arrive within ${order.limitMs} ms (${receipts.received} of ${published} published did)`,
  );
  try {
    return await Promise.race([measure(), refused, limit.reached]);
  } finally {
    stopped = true;
    limit.cancel();
    receipts.close();
  }
}
