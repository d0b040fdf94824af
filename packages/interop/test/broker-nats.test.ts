import { natsBroker } from '@micro/broker-nats';
import type { Broker, BrokerMessage, BrokerSubscribeOptions } from '@micro/core';
import { createEvent, createService, memoryRegistry, silentLogger } from '@micro/core';
import { startNats, type TestServer } from '@micro/test-servers';
import { connect, type NatsConnection } from 'nats';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import type { GoBroker, GoEvent } from '../src/go-broker.ts';
import { startGoBroker } from '../src/go-broker.ts';
import { startGoServer } from '../src/go-server.ts';
import { startGoService } from '../src/go-service.ts';
import { eventually } from './eventually.ts';
import { CallRequestSchema } from './gen/helloworld_pb.ts';
import { cleanup, need } from './real-servers.ts';

const binary = inject('goBinary');
const { skip, why } = need(binary, 'nats');

const BYTES = Uint8Array.from({ length: 256 }, (_, i) => i);
const HEADER = { 'Content-Type': 'application/octet-stream', name: 'Jörg 世界 <&>', fooBar: '1', 'Micro-Id': 'an id' };
const CONTENT_TYPES = ['application/json', 'application/protobuf', 'application/grpc+proto'];

describe.skipIf(skip)(`the nats broker of Go and ours${why}`, () => {
  let server: TestServer;
  let raw: NatsConnection;
  const { add, run } = cleanup();

  beforeAll(async () => {
    server = await startNats();
    raw = await connect({ servers: server.address });
  });
  afterEach(run);
  afterAll(async () => {
    await raw.close();
    await server.close();
  });

  const goBroker = async (): Promise<GoBroker> => {
    const broker = await startGoBroker({ binary, broker: 'nats', address: server.address });
    add(() => broker.close());
    return broker;
  };

  const ourBroker = async (): Promise<Broker> => {
    const broker = natsBroker({ servers: server.address, backoff: () => 10 });
    await broker.connect();
    add(() => broker.disconnect());
    return broker;
  };

  interface Received {
    readonly topic: string;
    readonly message: BrokerMessage;
  }

  /** The lists of subscriptions that stand. */
  const stood = new WeakSet<object>();

  /** Whether it is one of those that asked for a subscription which has been found to stand since. */
  const isLate = (list: object, header: Readonly<Record<string, string>> | null): boolean =>
    stood.has(list) && header?.probe !== undefined;

  const collect = async (broker: Broker, topic: string, options?: BrokerSubscribeOptions): Promise<Received[]> => {
    const received: Received[] = [];
    const take = ({ topic, message }: Received): void => {
      if (!isLate(received, message.header)) received.push({ topic, message });
    };
    await broker.subscribe(topic, take, options);
    return received;
  };

  const collectGo = async (broker: GoBroker, topic: string, queue?: string): Promise<GoEvent[]> => {
    const events: GoEvent[] = [];
    const take = (event: GoEvent): void => {
      if (!isLate(events, event.header)) events.push(event);
    };
    await broker.subscribe(topic, take, queue);
    return events;
  };

  /** The bytes of every message of a subject. */
  const collectRaw = async (subject: string): Promise<string[]> => {
    const texts: string[] = [];
    const subscription = raw.subscribe(subject, {
      callback: (_, { data }) => texts.push(Buffer.from(data).toString()),
    });
    add(async () => subscription.unsubscribe());
    await raw.flush();
    return texts;
  };

  /** Waits until a subscription in Go stands: go-micro does not wait for the server. */
  const standing = async (topic: string, ...lists: readonly { length: number }[]): Promise<void> => {
    await eventually(async () => {
      raw.publish(topic, JSON.stringify({ Header: { probe: '1' }, Body: '' }));
      await raw.flush();
      return lists.every(({ length }) => length > 0) ? true : undefined;
    });
    for (const list of lists) {
      // What asked is still on its way to some, and nobody knows for how long.
      stood.add(list);
      list.length = 0;
    }
  };

  /** Waits until as many have come as should, and looks whether more come. */
  const settled = async (count: () => number, expected: number): Promise<void> => {
    await eventually(async () => (count() >= expected ? true : undefined));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(count()).toBe(expected);
  };

  test('what Go publishes arrives here byte for byte, with every field of its header', async () => {
    const received = await collect(await ourBroker(), 'go.created');
    const publisher = await goBroker();
    await publisher.publish('go.created', { header: HEADER, body: BYTES });
    await publisher.publish('go.created', { body: new Uint8Array() });
    await settled(() => received.length, 2);
    expect({ ...received[0]?.message.header }).toEqual(HEADER);
    expect(Buffer.from(received[0]?.message.body ?? [])).toEqual(Buffer.from(BYTES));
    expect({ ...received[1]?.message.header }).toEqual({});
    expect(received[1]?.message.body).toHaveLength(0);
  });

  test('what we publish arrives at Go byte for byte, with every field of its header', async () => {
    const received = await collectGo(await goBroker(), 'our.created');
    await standing('our.created', received);
    const ours = await ourBroker();
    await ours.publish('our.created', { header: HEADER, body: BYTES });
    await ours.publish('our.created', { header: {}, body: new Uint8Array() });
    await settled(() => received.length, 2);
    // The topic is always named, since a Go service finds its subscribers by that.
    const topic = 'our.created';
    const named = { 'Micro-Topic': topic };
    expect(received[0]).toEqual({ topic, header: { ...HEADER, ...named }, body: Buffer.from(BYTES) });
    expect(received[1]).toEqual({ topic, header: named, body: Buffer.alloc(0) });
  });

  test('what both put on the wire is the same text', async () => {
    const texts = await collectRaw('wire');
    const ours = await ourBroker();
    const theirs = await goBroker();
    const messages = [
      {
        header: { 'Micro-Topic': 'wire', 'Content-Type': 'application/json', a: 'größer' },
        body: Buffer.from('{"a":1}'),
      },
      { header: { 'Micro-Topic': 'wire' }, body: new Uint8Array() },
      { header: { 'Micro-Topic': 'wire', a: '' }, body: BYTES },
    ];
    for (const message of messages) {
      await theirs.publish('wire', message);
      await settledLengths([texts]);
      await ours.publish('wire', message);
      await eventually(async () => (texts.length >= 2 ? true : undefined));
      const [first = '', second = ''] = texts.splice(0);
      expect(sorted(second)).toBe(sorted(first));
      expect(Object.keys(JSON.parse(second))).toEqual(Object.keys(JSON.parse(first)));
    }
  });

  test('an event of half a megabyte passes both ways', async () => {
    const body = Buffer.alloc(500_000, 'ü');
    const go = await goBroker();
    const there = await collectGo(go, 'big');
    await standing('big', there);
    const ours = await ourBroker();
    const here = await collect(ours, 'big');
    await ours.publish('big', { header: {}, body });
    await settled(() => here.length + there.length, 2);
    await go.publish('big', { body });
    await settled(() => here.length + there.length, 4);
    for (const { body: got } of [...there, ...here.map(({ message }) => message)]) expect(body.equals(got)).toBe(true);
  });

  test('more than the server takes is an error to both', async () => {
    const body = Buffer.alloc(1_000_000);
    await expect((await goBroker()).publish('huge', { body })).rejects.toThrow('maximum payload exceeded');
    await expect((await ourBroker()).publish('huge', { header: {}, body })).rejects.toMatchObject({ code: 413 });
  });

  test.each(['Go', 'us'])(
    'an event from %s goes to everybody without a queue and to one of each queue, in Go and here',
    async (from) => {
      const topic = `orders.${from}`;
      const ours = [await ourBroker(), await ourBroker()];
      const theirs = [await goBroker(), await goBroker()];
      const everybody: { length: number }[] = [
        ...(await Promise.all(ours.map((broker) => collect(broker, topic)))),
        ...(await Promise.all(theirs.map((broker) => collectGo(broker, topic)))),
      ];
      const mixed: { length: number }[] = [
        ...(await Promise.all(ours.map((broker) => collect(broker, topic, { queue: 'mixed' })))),
        ...(await Promise.all(theirs.map((broker) => collectGo(broker, topic, 'mixed')))),
      ];
      await collectGo(theirs[0] as GoBroker, 'another.topic');
      await standing(topic, ...everybody, ...mixed);
      const [ourPublisher, goPublisher] = [await ourBroker(), await goBroker()];
      const events = 200;
      for (let i = 0; i < events; i++) {
        const body = Buffer.from(`${i}`);
        if (from === 'Go') await goPublisher.publish(topic, { body });
        else await ourPublisher.publish(topic, { header: {}, body });
      }
      const sum = (lists: readonly { readonly length: number }[]): number =>
        lists.reduce((total, { length }) => total + length, 0);
      await settled(() => sum([...everybody, ...mixed]), events * 5);
      expect(everybody.map(({ length }) => length)).toEqual([events, events, events, events]);
      expect(sum(mixed)).toBe(events);
      for (const { length } of mixed) expect(length).toBeGreaterThan(0);
    },
  );

  test('what is subscribed with a wildcard is told under the topic that was published to, on both sides', async () => {
    const [there, here] = [await collectGo(await goBroker(), 'wild.*.>'), await collect(await ourBroker(), 'wild.*.>')];
    await standing('wild.probe.it', there, here);
    await (await goBroker()).publish('wild.a.b.c', { body: BYTES });
    await (await ourBroker()).publish('wild.d.e', { header: {}, body: BYTES });
    await settled(() => here.length + there.length, 4);
    const topics = ['wild.a.b.c', 'wild.d.e'];
    expect(there.map(({ topic }) => topic).toSorted()).toEqual(topics);
    expect(here.map(({ topic }) => topic).toSorted()).toEqual(topics);
  });

  test('what is no event is handled by neither, and the next event by both', async () => {
    const [there, here] = [await collectGo(await goBroker(), 'odd'), await collect(await ourBroker(), 'odd')];
    await standing('odd', there, here);
    for (const text of ['nonsense', '', '[]', '"a"', '{"Header":{"a":1}}', '{"Body":"not base64!"}'])
      raw.publish('odd', text);
    // Go reads the names of fields however they are written, and takes what is not there for nothing.
    raw.publish('odd', '{"header":{"a":"1"},"body":"aGk="}');
    raw.publish('odd', '{"Header":null,"Body":null}');
    await settled(() => there.length, 2);
    await settled(() => here.length, 2);
    expect(there).toMatchObject([{ header: { a: '1' }, body: Buffer.from('hi') }, { body: Buffer.alloc(0) }]);
    expect(here.map(({ message }) => [{ ...message.header }, Buffer.from(message.body).toString()])).toEqual([
      [{ a: '1' }, 'hi'],
      [{}, ''],
    ]);
  });

  test('a handler of ours that fails is tried again, though Go calls one once', async () => {
    const ours = await ourBroker();
    let tries = 0;
    await ours.subscribe('fails', () => {
      tries++;
      if (tries < 3) throw new Error('not yet');
    });
    await (await goBroker()).publish('fails', { body: BYTES });
    await settled(() => tries, 3);
  });

  test('publishing to nobody is no error for either', async () => {
    await (await ourBroker()).publish('nobody', { header: {}, body: BYTES });
    await (await goBroker()).publish('nobody', { body: BYTES });
  });

  describe('with whole services', () => {
    const ourService = async () => {
      const registry = memoryRegistry();
      const broker = natsBroker({ servers: server.address });
      const service = createService({
        name: 'ours',
        registry,
        broker,
        logger: silentLogger(),
        handleSignals: false,
        server: { address: '127.0.0.1:0', settleMs: 0 },
      });
      const received: { name: string; trace: string | undefined }[] = [];
      service.server.subscribe(
        'users.created',
        ({ name }, ctx) => {
          received.push({ name, trace: ctx.metadata.get('Trace-Id') });
        },
        { message: CallRequestSchema },
      );
      await service.start();
      add(async () => {
        await service.stop();
        await broker.disconnect();
      });
      return { service, received };
    };

    const goService = async (subscribe: Readonly<Record<string, string>> = {}) => {
      const env = { MICRO_REGISTRY: 'memory', MICRO_BROKER: 'nats', MICRO_BROKER_ADDRESS: server.address };
      const service = await startGoService({ binary, env, name: 'theirs', subscribe });
      add(() => service.close());
      // go-micro does not wait for the server. What comes after its subscriptions on the same connection has to be there.
      const texts = await collectRaw('theirs.up');
      await service.emit('theirs.up', { message: { name: 'up' }, as: 'call' });
      await eventually(async () => (texts.length > 0 ? true : undefined));
      return service;
    };

    test.each(CONTENT_TYPES)(
      'an event that a Go service publishes in %s is what our typed subscriber takes',
      async (contentType) => {
        const { received } = await ourService();
        const theirs = await goService();
        const message = { name: 'Jörg 世界 <&>' };
        await theirs.emit('users.created', { message, contentType, as: 'call', metadata: { 'trace-id': 'a1' } });
        await settled(() => received.length, 1);
        expect(received).toEqual([{ name: 'Jörg 世界 <&>', trace: 'a1' }]);
      },
    );

    test.each(CONTENT_TYPES)(
      'an event that our service publishes in %s is what a Go subscriber takes',
      async (contentType) => {
        const theirs = await goService({ 'users.created': '' });
        const { service } = await ourService();
        const created = createEvent(service.client, 'users.created', { message: CallRequestSchema });
        await created.publish({ name: 'Jörg 世界 <&>' }, { contentType, metadata: { 'trace-id': 'a1' } });
        await settled(() => theirs.events.length, 1);
        const expected = { 'Trace-Id': 'a1', 'Content-Type': contentType, 'Micro-Topic': 'users.created' };
        expect(theirs.events).toMatchObject([{ name: 'Jörg 世界 <&>', metadata: expected }]);
        expect(theirs.events[0]?.metadata['Micro-Id']).toMatch(/^[0-9a-f-]{36}$/);
      },
    );

    test('services of Go and ours that subscribe with one queue share its events', async () => {
      const theirs = await startGoServer({
        binary,
        broker: 'nats',
        brokerAddress: server.address,
        subscribe: { 'mails.sent': 'mailers' },
      });
      add(() => theirs.close());
      const { service } = await ourService();
      let here = 0;
      await service.stop();
      const broker = natsBroker({ servers: server.address });
      const mine = createService({
        name: 'ours',
        registry: memoryRegistry(),
        broker,
        logger: silentLogger(),
        handleSignals: false,
        server: { address: '127.0.0.1:0', settleMs: 0 },
      });
      mine.server.subscribe('mails.sent', () => void here++, { queue: 'mailers', message: CallRequestSchema });
      await mine.start();
      add(async () => {
        await mine.stop();
        await broker.disconnect();
      });
      const sent = createEvent(mine.client, 'mails.sent', { message: CallRequestSchema });
      for (let n = 0; n < 100; n++) await sent.publish({ name: `${n}` });
      await settled(() => here + theirs.events.length, 100);
      expect(here).toBeGreaterThan(0);
      expect(theirs.events.length).toBeGreaterThan(0);
    });

    test('an event without Micro-Topic reaches subscribers of ours, but none of a Go service; ours always names its topic', async () => {
      const theirs = await goService({ 'users.created': '' });
      const { received } = await ourService();
      const header = { 'Content-Type': 'application/json' };
      const publisher = await goBroker();
      await publisher.publish('users.created', { header, body: Buffer.from('{"name":"no topic"}') });
      await settled(() => received.length, 1);
      await (await ourBroker()).publish('users.created', { header, body: Buffer.from('{"name":"topic"}') });
      await settled(() => received.length + theirs.events.length, 3);
      expect(received.map(({ name }) => name)).toEqual(['no topic', 'topic']);
      expect(theirs.events.map(({ name }) => name)).toEqual(['topic']);
    });
  });

  describe('with JetStream at our side', () => {
    let kept: TestServer;

    beforeAll(async () => {
      kept = await startNats({ jetStream: true });
    });
    afterAll(() => kept.close());

    const keepingBroker = async (): Promise<Broker> => {
      const broker = natsBroker({ servers: kept.address, jetStream: true, backoff: () => 10 });
      await broker.connect();
      add(() => broker.disconnect());
      return broker;
    };

    const plainGo = async (): Promise<GoBroker> => {
      const broker = await startGoBroker({ binary, broker: 'nats', address: kept.address });
      add(() => broker.close());
      return broker;
    };

    test('what a Go broker publishes is kept for a queue of ours that is away, and handled when it is back', async () => {
      const before = await keepingBroker();
      const first = await collect(before, 'kept.go', { queue: 'mail' });
      const publisher = await plainGo();
      await publisher.publish('kept.go', { header: HEADER, body: BYTES });
      await settled(() => first.length, 1);
      await before.disconnect();
      await publisher.publish('kept.go', { header: HEADER, body: Buffer.from('while away') });
      const after = await collect(await keepingBroker(), 'kept.go', { queue: 'mail' });
      await settled(() => after.length, 1);
      expect(Buffer.from(first[0]?.message.body ?? [])).toEqual(Buffer.from(BYTES));
      expect(Buffer.from(after[0]?.message.body ?? []).toString()).toBe('while away');
      expect({ ...after[0]?.message.header }).toEqual(HEADER);
    });

    test('what we publish, and JetStream has, reaches a Go subscriber too, once', async () => {
      const ours = await keepingBroker();
      const events = await collectGo(await plainGo(), 'kept.ours');
      await eventually(async () => {
        await ours.publish('kept.ours', { header: HEADER, body: Buffer.from('probe') });
        return events.length > 0 ? true : undefined;
      });
      const meant = () => events.filter(({ body }) => body.toString() !== 'probe');
      await ours.publish('kept.ours', { header: HEADER, body: BYTES });
      await settled(() => meant().length, 1);
      expect(meant()[0]).toEqual({
        topic: 'kept.ours',
        header: { ...HEADER, 'Micro-Topic': 'kept.ours' },
        body: Buffer.from(BYTES),
      });
    });
  });

  /** Waits until lists have not grown for a while. */
  async function settledLengths(lists: readonly { readonly length: number }[]): Promise<void> {
    let before = '';
    await eventually(async () => {
      const now = lists.map(({ length }) => length).join();
      await raw.flush();
      await new Promise((resolve) => setTimeout(resolve, 50));
      const still = now === before;
      before = now;
      return still ? true : undefined;
    });
  }
});

/** An envelope with its fields of the header sorted, and Go's escapes written out. */
function sorted(envelope: string): string {
  const { Header, Body } = JSON.parse(envelope);
  return JSON.stringify({ Header: Header && Object.fromEntries(Object.entries(Header).toSorted()), Body });
}
