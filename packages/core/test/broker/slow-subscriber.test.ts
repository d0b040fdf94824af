import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import type { BrokerOptions } from '../../src/broker/broker-options.ts';
import { httpBroker } from '../../src/broker/http-broker.ts';
import { memoryBroker } from '../../src/broker/memory-broker.ts';
import { eventually } from '../../src/conformance/eventually.ts';
import type { Broker } from '../../src/contract/broker.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';

const HANDLER_MS = 50;
const MESSAGES = 10;
const BODY_BYTES = 64 * 1024;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A publisher and a subscriber, each connected; in memory they are one. */
type MakePair = (options: BrokerOptions) => readonly [publisher: Broker, subscriber: Broker];

const pairs: readonly (readonly [string, MakePair])[] = [
  [
    'in memory',
    (options) => {
      const broker = memoryBroker(options);
      return [broker, broker];
    },
  ],
  [
    'over http',
    (options) => {
      const registry = memoryRegistry();
      const make = (): Broker => httpBroker({ registry, address: '127.0.0.1:0', ...options });
      return [make(), make()];
    },
  ],
];

/** A publisher whose subscriber takes 50 ms for each message, and the numbers of those that it has handled. */
async function slowPair(make: MakePair, inbox: BrokerOptions['inbox']): Promise<[Broker, number[]]> {
  const [publisher, subscriber] = make({ inbox, logger: silentLogger(), flushMs: 0, drainMs: 1_000 });
  const handled: number[] = [];
  for (const broker of [publisher, subscriber]) {
    ends.push(() => broker.disconnect());
    await broker.connect();
  }
  await subscriber.subscribe('a', async ({ message }) => {
    await new Promise((resolve) => setTimeout(resolve, HANDLER_MS));
    handled.push(Buffer.from(message.body).readUInt32LE(0));
  });
  return [publisher, handled];
}

/** Message number `index`, which somebody has to let go of before its bytes are free. */
function numbered(index: number): { header: Record<string, string>; body: Uint8Array } {
  const body = Buffer.alloc(BODY_BYTES);
  body.writeUInt32LE(index);
  return { header: {}, body };
}

/** The memory that is still in use after what is not was collected, in bytes: objects, texts and buffers. */
function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe.each(pairs)('a subscriber that takes 50 ms for a message, %s,', (_, make) => {
  test('slows a publisher that waits for each message down to its own pace', async () => {
    const [publisher, handled] = await slowPair(make, { maxMessages: MESSAGES });
    const count = 3 * MESSAGES;
    let most = 0;
    for (let index = 0; index < count; index++) {
      await publisher.publish('a', numbered(index));
      most = Math.max(most, index + 1 - handled.length);
    }
    // One more than fit: what has been handled is counted here before the publisher hears of it.
    expect(most).toBeGreaterThanOrEqual(MESSAGES);
    expect(most).toBeLessThanOrEqual(MESSAGES + 1);
    await eventually(() => expect(handled).toEqual(Array.from({ length: count }, (__, index) => index)));
  });

  test.each([
    ['messages', { maxMessages: MESSAGES }],
    ['bytes', { maxBytes: 2 * MESSAGES * BODY_BYTES }],
  ])(
    'does not grow a publisher that never waits beyond its limit of %s, and nothing that was accepted is lost',
    async (__, limits) => {
      const [publisher, handled] = await slowPair(make, { ...limits, waitMs: 400 });
      const accepted: number[] = [];
      let refused = 0;
      let waited = 0;
      const publish = async (index: number): Promise<void> => {
        const begun = performance.now();
        try {
          await publisher.publish('a', numbered(index));
          accepted.push(index);
          if (performance.now() - begun > HANDLER_MS / 2) waited += 1;
        } catch (error) {
          if (!(error instanceof MicroError) || error.code !== 429) throw error;
          refused += 1;
        }
      };

      const before = usedBytes();
      let grown = 0;
      const published: Promise<void>[] = [];
      const perRound = 10 * MESSAGES;
      for (let round = 0; round < 10; round++) {
        for (let index = 0; index < perRound; index++) published.push(publish(round * perRound + index));
        await new Promise((resolve) => setTimeout(resolve, HANDLER_MS));
        grown = Math.max(grown, usedBytes() - before);
      }
      await Promise.all(published);

      expect(accepted.length + refused).toBe(10 * perRound);
      expect(refused).toBeGreaterThan(perRound);
      expect(waited).toBeGreaterThan(0);
      // 64 MB were offered, and the broker copies each message. The inbox holds 1.3 MB and as much may wait for room; the
      // rest is what the collector frees a moment later.
      expect(grown).toBeLessThan(28e6);
      await eventually(() => expect(handled).toEqual(accepted), { timeoutMs: 10_000 });
    },
  );
});
