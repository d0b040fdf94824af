import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { BrokerMessage } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { missingServer, startNats } from '@micro/test-servers';
import { describe, test } from 'vitest';
import { natsBroker } from '../src/index.ts';

const missing = missingServer('nats');
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;
const MIB = 1024 * 1024;

describe.skipIf(missing !== undefined)(`memory of a publisher${skipped}`, () => {
  test('what was given up while there is no server is not kept for its return', async () => {
    await using server = await startNats();
    const broker = natsBroker({ servers: server.url, publishTimeoutMs: 100 });
    await broker.connect();
    await server.kill();
    const before = heldBytes();
    for (let round = 0; round < 10; round += 1) {
      const tries = Array.from({ length: 20 }, () => broker.publish('nobody.there', large(200_000)));
      for (const { status } of await Promise.allSettled(tries)) assert.equal(status, 'rejected');
    }
    await eventually(() => {
      const kept = heldBytes() - before;
      assert.ok(kept < 8 * MIB, `of 50 MiB that were given up, ${Math.round(kept / MIB)} are still held`);
    });
    await broker.disconnect();
  });

  test('under a load that never lets the outbox run empty, what was confirmed is not kept', {
    timeout: 180_000,
  }, async () => {
    await using server = await startNats({ jetStream: true });
    // Each one waits for 3,000 others, which takes a busy machine long.
    const publishTimeoutMs = 60_000;
    const jetStream = { storage: 'memory', maxMessages: 100 } as const;
    const broker = natsBroker({ servers: server.url, jetStream, publishTimeoutMs });
    await broker.connect();
    const message = large(5_000);
    const before = heldBytes();
    let confirmed = 0;
    let isEnough = false;
    const publishOn = async (): Promise<void> => {
      while (!isEnough) {
        await broker.publish('load', message);
        confirmed += 1;
      }
    };
    // More than JetStream is sent at once, so that some always wait.
    const load = Array.from({ length: 3_000 }, publishOn);
    try {
      await eventually(() => assert.ok(confirmed > 20_000), { timeoutMs: 120_000 });
      await eventually(() => {
        const kept = heldBytes() - before;
        assert.ok(
          kept < 60 * MIB,
          `of ${confirmed} messages that were confirmed, ${Math.round(kept / MIB)} MiB are held`,
        );
      });
    } finally {
      isEnough = true;
      await Promise.allSettled(load);
      await broker.disconnect();
    }
  });
});

function large(bytes: number): BrokerMessage {
  return { header: {}, body: Buffer.alloc(bytes, 1) };
}

/** What buffers take, those that nobody holds left out. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  collect();
  return process.memoryUsage().arrayBuffers;
}
