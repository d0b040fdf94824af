import type { Broker, BrokerMessage, Registry } from '@micro/core';
import { createEvent, createService, httpBroker, memoryRegistry, silentLogger } from '@micro/core';
import { afterEach, describe, expect, inject, test } from 'vitest';
import type { GoBroker, GoEvent, GoRecord } from '../src/go-broker.ts';
import { startGoBroker } from '../src/go-broker.ts';
import { startGoServer } from '../src/go-server.ts';
import { eventually } from './eventually.ts';
import { CallRequestSchema } from './gen/helloworld_pb.ts';

const binary = inject('goBinary');

const BYTES = Uint8Array.from({ length: 256 }, (_, i) => i);
const HEADER = { 'Content-Type': 'application/octet-stream', name: 'Jörg 世界 <&>', fooBar: '1', 'Micro-Id': 'an id' };
const SUBSCRIPTIONS = 'micro.http.broker';

describe.skipIf(binary === '')('the http broker between Go and us', () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  const goBroker = async (): Promise<GoBroker> => {
    const broker = await startGoBroker({ binary });
    closing.push(() => broker.close());
    return broker;
  };

  /** A broker of ours, connected, over a registry that holds these records. */
  const ourBroker = async (registry = memoryRegistry(), id?: string): Promise<Broker> => {
    const broker = httpBroker({ registry, address: '127.0.0.1:0', id, logger: silentLogger(), backoff: () => 10 });
    await broker.connect();
    closing.push(() => broker.disconnect());
    return broker;
  };

  /** Tells a Go publisher of who subscribes here. */
  const tell = async (publisher: GoBroker, registry: Registry) => {
    for (const record of await registry.getService(SUBSCRIPTIONS)) await publisher.register(record);
  };

  /** Tells a registry of ours who subscribes at Go. */
  const learn = async (registry: Registry, records: readonly GoRecord[]): Promise<Registry> => {
    for (const record of records) await registry.register({ ...record, metadata: {}, endpoints: [] });
    return registry;
  };

  const collect = async (broker: Broker, topic: string, queue?: string): Promise<BrokerMessage[]> => {
    const messages: BrokerMessage[] = [];
    await broker.subscribe(topic, ({ message }) => messages.push(message), { queue });
    return messages;
  };

  const collectGo = async (broker: GoBroker, topic: string, queue?: string): Promise<GoEvent[]> => {
    const events: GoEvent[] = [];
    await broker.subscribe(topic, (event) => events.push(event), queue);
    return events;
  };

  /** Waits until as many have come as should, and looks whether more come. */
  const settled = async (count: () => number, expected: number): Promise<void> => {
    await eventually(async () => (count() >= expected ? true : undefined));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(count()).toBe(expected);
  };

  test('what Go publishes arrives here byte for byte, with every field of its header', async () => {
    const registry = memoryRegistry();
    const received = await collect(await ourBroker(registry), 'users.created');
    const publisher = await goBroker();
    await tell(publisher, registry);
    await publisher.publish('users.created', { header: HEADER, body: BYTES });
    await publisher.publish('users.created', { body: new Uint8Array() });
    await settled(() => received.length, 2);
    const bySize = received.toSorted((a, b) => b.body.length - a.body.length);
    expect({ ...bySize[0]?.header }).toEqual({ ...HEADER, 'Micro-Topic': 'users.created' });
    expect(Buffer.from(bySize[0]?.body ?? [])).toEqual(Buffer.from(BYTES));
    expect({ ...bySize[1]?.header }).toEqual({ 'Micro-Topic': 'users.created' });
    expect(bySize[1]?.body).toHaveLength(0);
  });

  test('what we publish arrives at Go byte for byte, with every field of its header', async () => {
    const subscriber = await goBroker();
    const received = await collectGo(subscriber, 'users.created');
    const ours = await ourBroker(await learn(memoryRegistry(), await subscriber.records()));
    await ours.publish('users.created', { header: HEADER, body: BYTES });
    await ours.publish('users.created', { header: {}, body: new Uint8Array() });
    await settled(() => received.length, 2);
    expect(received[0]?.header).toEqual({ ...HEADER, 'Micro-Topic': 'users.created' });
    expect(received[0]?.body).toEqual(Buffer.from(BYTES));
    expect(received[1]).toMatchObject({ header: { 'Micro-Topic': 'users.created' }, body: Buffer.alloc(0) });
  });

  test('an event of 2 MB passes both ways', async () => {
    const body = Buffer.alloc(2_000_000, 'ü');
    const registry = memoryRegistry();
    const here = await collect(await ourBroker(registry), 'big');
    const go = await goBroker();
    const there = await collectGo(go, 'big');
    await learn(registry, await go.records());
    const publisher = await ourBroker(registry);
    await publisher.publish('big', { header: {}, body });
    await settled(() => here.length + there.length, 2);
    expect(body.equals(there[0]?.body ?? Buffer.alloc(0))).toBe(true);
    const goPublisher = await goBroker();
    await tell(goPublisher, registry);
    await goPublisher.publish('big', { body });
    await settled(() => here.length + there.length, 4);
    expect(body.equals(here[1]?.body ?? Buffer.alloc(0))).toBe(true);
  });

  test.each(['Go', 'us'])(
    'an event from %s goes to everybody without a queue and to one of each queue, in Go and here',
    async (from) => {
      const registry = memoryRegistry();
      const ours = [await ourBroker(registry), await ourBroker(registry)];
      const theirs = [await goBroker(), await goBroker()];
      const topic = 'orders.placed';
      // One subscription of a topic per Go broker: go-micro mixes up several.
      const shared = [await goBroker(), await goBroker()];
      const everybody: readonly { readonly length: number }[] = [
        ...(await Promise.all(ours.map((broker) => collect(broker, topic)))),
        ...(await Promise.all(theirs.map((broker) => collectGo(broker, topic)))),
      ];
      const goQueue = await Promise.all(shared.map((broker) => collectGo(broker, topic, 'go only')));
      const ourQueue = await Promise.all(ours.map((broker) => collect(broker, topic, 'ours only')));
      const mixed = [
        await collect(await ourBroker(registry), topic, 'mixed'),
        await (async () => {
          const broker = await goBroker();
          shared.push(broker);
          return collectGo(broker, topic, 'mixed');
        })(),
      ];
      await collectGo(theirs[0] as GoBroker, 'another.topic');
      for (const go of [...theirs, ...shared]) await learn(registry, await go.records());
      let publish: (body: Uint8Array) => Promise<void>;
      if (from === 'Go') {
        const publisher = await goBroker();
        await tell(publisher, registry);
        publish = (body) => publisher.publish(topic, { body });
      } else {
        const publisher = await ourBroker(registry);
        publish = (body) => publisher.publish(topic, { header: {}, body });
      }
      // So many that a queue of two gives each of them at least one.
      const events = 30;
      for (let i = 0; i < events; i++) await publish(Buffer.from(`${i}`));
      const sum = (lists: readonly { readonly length: number }[]): number =>
        lists.reduce((total, { length }) => total + length, 0);
      const all = [...everybody, ...goQueue, ...ourQueue, ...mixed];
      await eventually(async () => (sum(all) >= events * 7 ? true : undefined), 20_000);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(everybody.map(({ length }) => length)).toEqual([events, events, events, events]);
      expect([sum(goQueue), sum(ourQueue), sum(mixed)]).toEqual([events, events, events]);
      for (const member of [...goQueue, ...ourQueue, ...mixed]) expect(member.length).toBeGreaterThan(0);
    },
  );

  test.each([
    'application/json',
    'application/protobuf',
    'application/grpc+proto',
    'application/json-rpc',
    'application/proto-rpc',
  ])('an event that a Go client publishes in %s is what our typed subscriber takes', async (contentType) => {
    const registry = memoryRegistry();
    const received: { name: string; trace: string | undefined }[] = [];
    const broker = httpBroker({ registry, address: '127.0.0.1:0', logger: silentLogger() });
    const service = createService({ name: 'ours', registry, broker, logger: silentLogger(), handleSignals: false });
    service.server.subscribe(
      'users.created',
      ({ name }, ctx) => {
        received.push({ name, trace: ctx.metadata.get('Trace-Id') });
      },
      { message: CallRequestSchema },
    );
    await service.start();
    closing.push(() => service.stop());
    const publisher = await goBroker();
    await tell(publisher, registry);
    const message = { name: 'Jörg 世界 <&>' };
    await publisher.emit('users.created', { message, contentType, as: 'call', metadata: { 'trace-id': 'a1' } });
    await settled(() => received.length, 1);
    expect(received).toEqual([{ name: 'Jörg 世界 <&>', trace: 'a1' }]);
  });

  test.each(['application/json', 'application/protobuf', 'application/grpc+proto'])(
    'an event that our client publishes in %s is what a Go subscriber takes',
    async (contentType) => {
      const server = await startGoServer({ binary, broker: 'http', subscribe: { 'users.created': '' } });
      closing.push(() => server.close());
      const registry = await learn(memoryRegistry(), server.subscriptions);
      const broker = httpBroker({ registry, logger: silentLogger() });
      const service = createService({ name: 'ours', registry, broker, logger: silentLogger(), handleSignals: false });
      closing.push(() => service.stop());
      const created = createEvent(service.client, 'users.created', { message: CallRequestSchema });
      await created.publish({ name: 'Jörg 世界 <&>' }, { contentType, metadata: { 'trace-id': 'a1' } });
      await settled(() => server.events.length, 1);
      const expected = { 'Trace-Id': 'a1', 'Content-Type': contentType, 'Micro-Topic': 'users.created' };
      expect(server.events).toMatchObject([{ name: 'Jörg 世界 <&>', metadata: expected }]);
      expect(server.events[0]?.metadata['Micro-Id']).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  test('a handler of ours that fails is tried again, though Go sends an event once', async () => {
    const registry = memoryRegistry();
    const ours = await ourBroker(registry);
    let tries = 0;
    await ours.subscribe('users.created', () => {
      tries++;
      if (tries < 3) throw new Error('not yet');
    });
    const publisher = await goBroker();
    await tell(publisher, registry);
    await publisher.publish('users.created', { body: BYTES });
    await settled(() => tries, 3);
  });

  test('publishing to nobody is no error here, and is one in Go', async () => {
    const ours = await ourBroker();
    await ours.publish('users.created', { header: {}, body: BYTES });
    await expect((await goBroker()).publish('users.created', { body: BYTES })).rejects.toThrow('not found');
  });
});
