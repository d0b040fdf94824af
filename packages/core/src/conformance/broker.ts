import assert from 'node:assert/strict';
import type { Broker, BrokerMessage, BrokerSubscribeOptions, Delivery, Subscription } from '../contract/broker.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { eventually, within } from './eventually.ts';

/** What a broker may be unable to do. Everything is supported unless it is said to be false. */
export interface BrokerSupport {
  /** An event whose handler failed, or said nack, comes again. */
  readonly redelivery?: boolean | undefined;
  /** The next event waits until one with `autoAck: false` is acknowledged. */
  readonly acknowledgement?: boolean | undefined;
}

/** One private universe of brokers: what is published at one of them reaches the subscribers of all. */
export interface BrokerWorld {
  /** A broker that is not connected yet; it may be the same one each time. */
  create(): Broker | Promise<Broker>;
  readonly supports?: BrokerSupport | undefined;
  /** Disconnects every broker that was made. */
  close(): void | Promise<void>;
}

const TOPIC = 'users.created';
/** Marks a message that only finds out whether a subscription is reached. */
const PROBE = 'Probe';

/** What every broker has to do. */
export const brokerCases: Readonly<Record<string, (world: BrokerWorld) => Promise<void>>> = {
  'connecting twice is connecting once, and so is disconnecting': async (world) => {
    const broker = await world.create();
    await broker.disconnect();
    await broker.connect();
    await broker.connect();
    const log = await listen(broker);
    await reached(broker, [log]);
    await publish(broker, ['a']);
    await got(log, ['a']);
    await broker.disconnect();
    await broker.disconnect();
  },

  'two who connect at once do not disturb each other': async (world) => {
    const broker = await world.create();
    await Promise.all([broker.connect(), broker.connect()]);
    const log = await listen(broker);
    await reached(broker, [log]);
    await publish(broker, ['a']);
    await got(log, ['a']);
  },

  'a broker that is not connected refuses to publish': async (world) => {
    const broker = await world.create();
    await assert.rejects(broker.publish(TOPIC, message('a')), code(CODE.unavailable));
    await broker.connect();
    await broker.publish(TOPIC, message('a'));
    await broker.disconnect();
    await assert.rejects(broker.publish(TOPIC, message('a')), code(CODE.unavailable));
  },

  'a topic without subscribers is no error': async (world) => {
    const broker = await connected(world);
    await broker.publish('nobody.listens', message('a'));
  },

  'every subscriber without a queue gets each message once, wherever it is': async (world) => {
    const [here, there] = [await connected(world), await connected(world)];
    const logs = [await listen(here), await listen(here), await listen(there)];
    await reached(there, logs);
    await publish(there, ['a', 'b', 'c']);
    for (const log of logs) await got(log, ['a', 'b', 'c']);
  },

  'one subscriber of a queue gets each message, and all of them get some': async (world) => {
    const [here, there] = [await connected(world), await connected(world)];
    const logs = [
      await listen(here, { queue: 'workers' }),
      await listen(here, { queue: 'workers' }),
      await listen(there, { queue: 'workers' }),
    ];
    await reached(here, logs);
    const bodies = numbered(200);
    await publish(here, bodies);
    await gotBetween(logs, bodies);
    for (const log of logs) assert.ok(log.bodies.length > 0, 'a subscriber of the queue got nothing');
  },

  'each queue gets each message': async (world) => {
    const broker = await connected(world);
    const logs = [await listen(broker, { queue: 'mail' }), await listen(broker, { queue: 'search' })];
    await reached(broker, logs);
    await publish(broker, ['a', 'b', 'c']);
    for (const log of logs) await got(log, ['a', 'b', 'c']);
  },

  'subscribers with and without a queue do not mix on one topic': async (world) => {
    const [here, there] = [await connected(world), await connected(world)];
    const everybody = [await listen(here), await listen(there)];
    const workers = [await listen(here, { queue: 'workers' }), await listen(there, { queue: 'workers' })];
    await reached(there, [...everybody, ...workers]);
    const bodies = numbered(50);
    await publish(there, bodies);
    for (const log of everybody) await got(log, bodies);
    await gotBetween(workers, bodies);
  },

  'a topic is exactly its name': async (world) => {
    const broker = await connected(world);
    const others = [
      await listen(broker, {}, 'users'),
      await listen(broker, {}, 'users.created.twice'),
      await listen(broker, {}, 'Users.Created'),
    ];
    const log = await listen(broker);
    await reached(broker, [log]);
    await publish(broker, ['a']);
    await got(log, ['a']);
    for (const other of others) assert.deepEqual(other.bodies, []);
  },

  'a subscription that was closed gets nothing more, and the others do': async (world) => {
    const broker = await connected(world);
    const [leaving, staying] = [await listen(broker), await listen(broker)];
    await reached(broker, [leaving, staying]);
    await leaving.subscription.close();
    await leaving.subscription.close();
    await publish(broker, ['a', 'b']);
    await got(staying, ['a', 'b']);
    assert.deepEqual(leaving.bodies, []);
  },

  'one that leaves a queue leaves its messages to the others': async (world) => {
    const broker = await connected(world);
    const [leaving, staying] = [await listen(broker, { queue: 'workers' }), await listen(broker, { queue: 'workers' })];
    await reached(broker, [leaving, staying]);
    await leaving.subscription.close();
    const bodies = numbered(20);
    await publish(broker, bodies);
    await got(staying, bodies);
  },

  'one subscriber gets the messages of one publisher in their order': async (world) => {
    const [publisher, subscriber] = [await connected(world), await connected(world)];
    const logs = [await listen(subscriber), await listen(subscriber, { queue: 'workers' })];
    await reached(publisher, logs);
    const bodies = numbered(300);
    for (const body of bodies) await publisher.publish(TOPIC, message(body));
    for (const log of logs) {
      await got(log, bodies);
      assert.deepEqual(log.bodies, bodies);
    }
  },

  'messages that are published at once all arrive, once': async (world) => {
    const [here, there] = [await connected(world), await connected(world)];
    const logs = [await listen(here), await listen(there)];
    await reached(here, logs);
    await reached(there, logs);
    const bodies = numbered(300);
    await Promise.all(bodies.map((body, index) => (index % 2 === 0 ? here : there).publish(TOPIC, message(body))));
    for (const log of logs) await got(log, bodies);
  },

  'fields and bytes arrive as they were published': async (world) => {
    const broker = await connected(world);
    const log = await listen(broker);
    await reached(broker, [log]);
    const header = {
      'Content-Type': 'application/json',
      'Micro-Id': '1',
      Größe: '木 🌳',
      empty: '',
      'a "quoted" \\ name': '{"a":1}',
      constructor: 'x',
    };
    const bodies = [
      new Uint8Array(0),
      Uint8Array.from({ length: 256 }, (_, index) => index),
      new Uint8Array(1_048_576).fill(7),
    ];
    for (const body of bodies) await broker.publish(TOPIC, { header, body });
    await eventually(() => assert.equal(log.messages.length, bodies.length));
    for (const [index, body] of bodies.entries()) {
      const arrived = log.messages[index];
      assert.ok(arrived !== undefined && Buffer.compare(arrived.body, body) === 0, `body ${index} is another one`);
      for (const [name, value] of Object.entries(header)) assert.equal(arrived.header[name], value, name);
    }
  },

  'a delivery names its topic': async (world) => {
    const broker = await connected(world);
    const topics: string[] = [];
    const log = await listen(broker, {}, TOPIC, (delivery) => {
      topics.push(delivery.topic);
    });
    await reached(broker, [log]);
    await publish(broker, ['a']);
    await eventually(() => assert.deepEqual(topics, [TOPIC]));
  },

  'what a publisher does with its message afterwards is nobody else’s business': async (world) => {
    const broker = await connected(world);
    const log = await listen(broker);
    await reached(broker, [log]);
    const { header, body } = message('before');
    const mutable: Record<string, string> = { ...header, Note: 'before' };
    await broker.publish(TOPIC, { header: mutable, body });
    body.fill(0);
    mutable.Note = 'after';
    await got(log, ['before']);
    assert.equal(log.messages[0]?.header.Note, 'before');
  },

  'what can be no message is refused with 400': async (world) => {
    const broker = await connected(world);
    const body = new Uint8Array(1);
    await assert.rejects(broker.publish('', { header: {}, body }), code(CODE.badRequest));
    await assert.rejects(broker.publish('a\nb', { header: {}, body }), code(CODE.badRequest));
    const noBytes = { header: {}, body: 'text' } as unknown as BrokerMessage;
    await assert.rejects(broker.publish(TOPIC, noBytes), code(CODE.badRequest));
    const noText = { header: { a: 1 }, body } as unknown as BrokerMessage;
    await assert.rejects(broker.publish(TOPIC, noText), code(CODE.badRequest));
    await assert.rejects(Promise.resolve(broker.subscribe('', () => {})), code(CODE.badRequest));
    const half = { concurrency: 1.5 };
    await assert.rejects(Promise.resolve(broker.subscribe(TOPIC, () => {}, half)), code(CODE.badRequest));
  },

  'a publication that was cancelled before it began is not made': async (world) => {
    const broker = await connected(world);
    const log = await listen(broker);
    await reached(broker, [log]);
    const signal = AbortSignal.abort();
    await assert.rejects(broker.publish(TOPIC, message('a'), { signal }), code(CODE.cancelled));
    await publish(broker, ['b']);
    await got(log, ['b']);
  },

  'handlers run one after the other, or so many at once as they say': async (world) => {
    const broker = await connected(world);
    for (const concurrency of [1, 3]) {
      const topic = `concurrency.${concurrency}`;
      let running = 0;
      let most = 0;
      const gate = createGate();
      const log = await listen(broker, { concurrency }, topic, async () => {
        running += 1;
        most = Math.max(most, running);
        if (concurrency > 1) await gate.opened;
        else await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
      });
      await reached(broker, [log], topic);
      const bodies = numbered(10);
      for (const body of bodies) await broker.publish(topic, message(body));
      if (concurrency > 1) await eventually(() => assert.equal(running, concurrency));
      gate.open();
      await got(log, bodies);
      assert.equal(most, concurrency);
    }
  },

  'a handler that fails gets its event again, and the others are not disturbed': async (world) => {
    if (world.supports?.redelivery === false) return;
    const broker = await connected(world);
    let failures = 0;
    const failing = await listen(broker, {}, TOPIC, ({ message: { body } }) => {
      if (Buffer.from(body).toString() !== 'b' || failures === 2) return;
      failures += 1;
      throw new Error('not yet');
    });
    const calm = await listen(broker);
    await reached(broker, [failing, calm]);
    await publish(broker, ['a', 'b', 'c']);
    await got(calm, ['a', 'b', 'c']);
    await got(failing, ['a', 'b', 'b', 'b', 'c']);
  },

  'an event that was refused with nack comes again until it is acknowledged': async (world) => {
    if (world.supports?.redelivery === false) return;
    const broker = await connected(world);
    let deliveries = 0;
    const log = await listen(broker, { autoAck: false, queue: 'workers' }, TOPIC, async (delivery) => {
      deliveries += 1;
      if (deliveries === 1) await delivery.nack();
      else if (deliveries === 2) await delivery.nack(new Error('not yet'));
      else await delivery.ack();
    });
    await reached(broker, [log]);
    await publish(broker, ['a']);
    await got(log, ['a', 'a', 'a']);
    await publish(broker, ['b']);
    await got(log, ['a', 'a', 'a', 'b']);
  },

  'with autoAck off an event is handled when it is acknowledged, not when its handler returns': async (world) => {
    if (world.supports?.acknowledgement === false) return;
    const broker = await connected(world);
    const deliveries: Delivery[] = [];
    const log = await listen(broker, { autoAck: false }, TOPIC, (delivery) => {
      deliveries.push(delivery);
    });
    const other = await listen(broker);
    await reached(broker, [log, other]);
    await publish(broker, ['a', 'b']);
    // That one of the two has got both says nothing of the other, which may hear of the first event only now.
    await Promise.all([got(other, ['a', 'b']), eventually(() => assert.ok(deliveries.length > 0, 'no event came'))]);
    assert.deepEqual(log.bodies, ['a'], 'the second event came before the first was acknowledged');
    await deliveries[0]?.ack();
    await got(log, ['a', 'b']);
    await deliveries[1]?.ack();
  },

  'closing a subscription waits for the handler that runs': async (world) => {
    const broker = await connected(world);
    await endsAfterHandler(broker, (log) => log.subscription.close());
  },

  'disconnecting waits for the handler that runs': async (world) => {
    const broker = await connected(world);
    await endsAfterHandler(broker, () => broker.disconnect());
  },

  'subscriptions go on after the broker was disconnected and connected again': async (world) => {
    const broker = await connected(world);
    const log = await listen(broker);
    const closed = await listen(broker);
    await reached(broker, [log, closed]);
    await closed.subscription.close();
    await broker.disconnect();
    await broker.connect();
    await reached(broker, [log]);
    await publish(broker, ['a']);
    await got(log, ['a']);
    assert.deepEqual(closed.bodies, []);
  },

  'a subscription that was made before the broker was connected begins with it': async (world) => {
    const broker = await world.create();
    const log = await listen(broker);
    await broker.connect();
    await reached(broker, [log]);
    await publish(broker, ['a']);
    await got(log, ['a']);
  },
};

/** What one subscription got. */
interface Log {
  readonly subscription: Subscription;
  /** The bodies as text, in the order in which they came. */
  readonly bodies: string[];
  readonly messages: BrokerMessage[];
  readonly probes: ReadonlySet<string>;
}

let probes = 0;

async function connected(world: BrokerWorld): Promise<Broker> {
  const broker = await world.create();
  await broker.connect();
  return broker;
}

async function listen(
  broker: Broker,
  options: BrokerSubscribeOptions = {},
  topic = TOPIC,
  handler: (delivery: Delivery) => unknown = () => {},
): Promise<Log> {
  const bodies: string[] = [];
  const messages: BrokerMessage[] = [];
  const seen = new Set<string>();
  const subscription = await broker.subscribe(
    topic,
    async (delivery) => {
      const { header, body } = delivery.message;
      const probe = header[PROBE];
      if (probe !== undefined) {
        seen.add(probe);
        await delivery.ack();
        return;
      }
      bodies.push(Buffer.from(body).toString());
      messages.push(delivery.message);
      await handler(delivery);
    },
    options,
  );
  return { subscription, bodies, messages, probes: seen };
}

/** Waits until what the broker publishes reaches all of these; a subscription may be some time on its way. */
async function reached(broker: Broker, logs: readonly Log[], topic = TOPIC): Promise<void> {
  const mine = new Set<string>();
  await eventually(
    async () => {
      probes += 1;
      mine.add(String(probes));
      await broker.publish(topic, { header: { [PROBE]: String(probes) }, body: new Uint8Array(0) });
      await new Promise((resolve) => setImmediate(resolve));
      for (const log of logs)
        assert.ok(
          [...log.probes].some((probe) => mine.has(probe)),
          'a subscriber is not reached',
        );
    },
    { timeoutMs: 10_000 },
  );
}

function message(body: string): BrokerMessage {
  return { header: { 'Content-Type': 'text/plain' }, body: Buffer.from(body) };
}

function numbered(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => String(index).padStart(4, '0'));
}

async function publish(broker: Broker, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) await broker.publish(TOPIC, message(body));
}

/** Waits until a subscription has got exactly these, whatever their order. */
async function got(log: Log, bodies: readonly string[]): Promise<void> {
  await gotBetween([log], bodies);
}

/** Waits until these subscriptions between them have got exactly these. */
async function gotBetween(logs: readonly Log[], bodies: readonly string[]): Promise<void> {
  const all = (): readonly string[] => logs.flatMap((log) => log.bodies);
  await eventually(() => assert.ok(all().length >= bodies.length, `${all().length} of ${bodies.length} came`), {
    timeoutMs: 10_000,
  });
  assert.deepEqual([...all()].sort(), [...bodies].sort());
}

/** What ends a subscription ends it after its handler, which goes on meanwhile. */
async function endsAfterHandler(broker: Broker, end: (log: Log) => Promise<void>): Promise<void> {
  const happened: string[] = [];
  const [begun, gate] = [createGate(), createGate()];
  const log = await listen(broker, {}, TOPIC, async () => {
    begun.open();
    await gate.opened;
    happened.push('handled');
  });
  await reached(broker, [log]);
  await publish(broker, ['a']);
  await within('the handler', begun.opened);
  const ended = end(log).then(() => happened.push('ended'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(happened, []);
  gate.open();
  await within('the end', ended);
  assert.deepEqual(happened, ['handled', 'ended']);
}

function createGate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

function code(expected: number): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof MicroError, `${String(error)} is no MicroError`);
    assert.equal(error.code, expected, error.detail);
    return true;
  };
}
