import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { CODE } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { createNamespace, missingNamespace, missingServer, startNats } from '@micro/test-servers';
import { describe, test } from 'vitest';
import type { NatsBrokerOptions } from '../../src/index.ts';
import { missingFrom, startTraffic, type Traffic, transitions } from '../traffic.ts';

const missing = missingServer('nats');
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;
const noNamespace = missing ?? missingNamespace();

/** For what is over in seconds, unless eight of them do it at once on a busy machine. */
const TEST_MS = 150_000;
/** More than a server that is restarted is away for on such a machine. */
const RESTART_MS = 20_000;

/** How the times in the README were measured: `MEASURE=1 npx vitest run test/faults`. */
function measured(what: string, ms: number): void {
  if (process.env.MEASURE !== undefined) console.log(`${what}: ${Math.round(ms)} ms`);
}

/** Both brokers told of it once, and of its end once. */
async function toldOnce(traffic: Traffic): Promise<void> {
  for (const log of [traffic.publisherLog, traffic.subscriberLog]) {
    await eventually(() => assert.deepEqual(transitions(log), ['lost', 'back'], log.lines.join('\n')));
  }
}

/** Every publication that failed did so in its time, with an error that names the server. */
function failedWell(traffic: Traffic, address: string, within: number): void {
  for (const { error, afterMs } of traffic.failed) {
    assert.ok(error.code === CODE.timeout || error.code === CODE.unavailable, error.detail);
    assert.ok(error.detail.includes(address), error.detail);
    assert.ok(afterMs < within, `it took ${afterMs} ms`);
  }
}

/** With JetStream nothing that was accepted is lost, and nothing comes twice that could be known again. */
async function lostNothing(traffic: Traffic): Promise<void> {
  await traffic.settle();
  const all = [traffic.inQueue, traffic.byEverybody];
  await eventually(
    () =>
      assert.deepEqual(
        all.flatMap((got) => missingFrom(got, traffic.accepted)),
        [],
      ),
    {
      timeoutMs: 40_000,
    },
  );
}

const MODES: readonly (readonly [string, NatsBrokerOptions])[] = [
  ['plain NATS', {}],
  ['JetStream', { jetStream: { ackWaitMs: 5_000 } }],
];

describe.skipIf(missing !== undefined).concurrent.each(MODES)(`%s${skipped}`, { timeout: TEST_MS }, (mode, options) => {
  const jetStream = options.jetStream !== undefined;
  const check = async (traffic: Traffic): Promise<void> => {
    if (jetStream) await lostNothing(traffic);
    else await traffic.settle();
  };

  test('a server that is restarted gets its subscriptions back, and what is published meanwhile waits', async () => {
    await using server = await startNats({ jetStream });
    const traffic = await startTraffic({ ...options, servers: server.url, publishTimeoutMs: RESTART_MS });
    await server.restart();
    measured(`${mode}, restart`, await traffic.flows(20_000));
    await toldOnce(traffic);
    await check(traffic);
    assert.deepEqual(traffic.failed, []);
    await traffic.close();
  });

  test('a server that is killed and comes back with its data goes on, and says nothing twice', async () => {
    await using server = await startNats({ jetStream });
    const traffic = await startTraffic({ ...options, servers: server.url, publishTimeoutMs: 1_000 });
    await server.kill();
    await eventually(() => assert.ok(traffic.failed.length > 20, 'publications go on'), { timeoutMs: 10_000 });
    assert.ok(traffic.failed.every(({ error }) => error.code === CODE.unavailable || error.code === CODE.timeout));
    // Sooner than by the usual limit of 5 seconds.
    failedWell(traffic, server.address, 4_500);
    await server.start();
    measured(`${mode}, kill -9`, await traffic.flows(20_000));
    await toldOnce(traffic);
    await check(traffic);
    await traffic.close();
  });

  test('a server that hangs for 20 s is noticed, fails what it does not confirm, and is found again', async () => {
    await using server = await startNats({ jetStream });
    const traffic = await startTraffic({ ...options, servers: server.url });
    const begun = performance.now();
    server.freeze();
    await eventually(() => assert.ok(transitions(traffic.publisherLog).includes('lost')), { timeoutMs: 15_000 });
    measured(`${mode}, hang noticed`, performance.now() - begun);
    await eventually(() => assert.ok(traffic.failed.length > 0), { timeoutMs: 15_000 });
    failedWell(traffic, server.address, 8_000);
    await sleep(Math.max(0, 20_000 - (performance.now() - begun)));
    server.thaw();
    measured(`${mode}, hang over`, await traffic.flows(20_000));
    await toldOnce(traffic);
    await check(traffic);
    await traffic.close();
  });

  test.skipIf(noNamespace !== undefined)('a network that is cut and healed leaves nothing behind', async () => {
    await using namespace = await createNamespace();
    await using server = await startNats({ jetStream, namespace });
    const traffic = await startTraffic({ ...options, servers: server.url });
    const begun = performance.now();
    await namespace.partition();
    await eventually(() => assert.ok(transitions(traffic.publisherLog).includes('lost')), { timeoutMs: 15_000 });
    measured(`${mode}, cut noticed`, performance.now() - begun);
    await eventually(() => assert.ok(traffic.failed.length > 0), { timeoutMs: 15_000 });
    failedWell(traffic, server.address, 8_000);
    await namespace.heal();
    measured(`${mode}, healed`, await traffic.flows(30_000));
    await toldOnce(traffic);
    await check(traffic);
    await traffic.close();
  });
});
