import { describe, expect, inject, test } from 'vitest';
import type { GoBroker, GoEvent } from '../src/go-broker.ts';
import { startGoBroker } from '../src/go-broker.ts';
import { eventually } from './eventually.ts';
import { startPeer } from './mdns-peer.ts';
import { sharedNamespace } from './shared-namespace.ts';

const binary = inject('goBinary');

const TOPIC = 'users.created';

describe.skipIf(binary === '')('publishers and subscribers that find each other over mDNS', () => {
  const namespace = sharedNamespace();

  test('what Go publishes reaches a subscriber of ours, one that comes later too, and goes on to when the other leaves', async (context) => {
    const world = namespace(context);
    const { prefix, ip } = world;
    const first = await startPeer('first', world);
    const second = await startPeer('second', world);
    const received: Record<string, string[]> = { first: [], second: [] };
    let publisher: GoBroker | undefined;
    try {
      await first.subscribe(TOPIC, ({ body }) => received.first?.push(body.toString()));
      // A Go publisher that was told of nobody keeps the event, so each try has a publisher of its own.
      const found = await eventually(async () => {
        publisher = await startGoBroker({ binary, prefix, registry: 'mdns', address: `${ip}:0` });
        try {
          await publisher.publish(TOPIC, { body: Buffer.from('Jörg 世界') });
          return publisher;
        } catch {
          await publisher.close();
          return undefined;
        }
      });
      await eventually(async () => (received.first?.length === 1 ? true : undefined));
      expect(received.first).toEqual(['Jörg 世界']);

      await second.subscribe(TOPIC, ({ body }) => received.second?.push(body.toString()));
      await eventually(async () => {
        await found.publish(TOPIC, { body: Buffer.from('to both') });
        return received.second?.includes('to both') === true ? true : undefined;
      });
      await eventually(async () => (received.first?.includes('to both') === true ? true : undefined));

      await first.close();
      await found.publish(TOPIC, { body: Buffer.from('to the second') });
      await eventually(async () => (received.second?.includes('to the second') === true ? true : undefined));
    } finally {
      await publisher?.close();
      await first.close();
      await second.close();
    }
  });

  test('what we publish reaches a Go subscriber, and one that comes later too', async (context) => {
    const world = namespace(context);
    const { prefix, ip } = world;
    const start = (): Promise<GoBroker> => startGoBroker({ binary, prefix, registry: 'mdns', address: `${ip}:0` });
    const publisher = await startPeer('ours', world);
    const first = await start();
    const second = await start();
    const received: { first: GoEvent[]; second: GoEvent[] } = { first: [], second: [] };
    try {
      await first.subscribe(TOPIC, (event) => received.first.push(event));
      await eventually(async () => {
        await publisher.publish(TOPIC, { name: 'Jörg 世界' }, { 'trace-id': 'a1' });
        return received.first.length > 0 ? true : undefined;
      });
      expect(JSON.parse(received.first[0]?.body.toString() ?? '')).toEqual({ name: 'Jörg 世界' });
      const header = { 'Content-Type': 'application/json', 'Micro-Topic': TOPIC, 'Trace-Id': 'a1' };
      expect(received.first[0]?.header).toMatchObject(header);

      await second.subscribe(TOPIC, (event) => received.second.push(event));
      await eventually(async () => {
        await publisher.publish(TOPIC, { name: 'to both' });
        return received.second.length > 0 ? true : undefined;
      });
    } finally {
      await first.close();
      await second.close();
      await publisher.close();
    }
  });
});
