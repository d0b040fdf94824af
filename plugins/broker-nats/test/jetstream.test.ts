import assert from 'node:assert/strict';
import { type Broker, type BrokerFailure, type BrokerMessage, CODE, MicroError } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { missingServer, startNats, type TestServer } from '@micro/test-servers';
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { DEAD_LETTER, DEAD_LETTERS, type JetStreamOptions, type NatsBrokerOptions, natsBroker } from '../src/index.ts';
import { logBook, message } from './traffic.ts';

const missing = missingServer('nats');
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;

describe.skipIf(missing !== undefined)(`JetStream${skipped}`, () => {
  let server: TestServer;
  let raw: NatsConnection;
  let admin: JetStreamManager;
  const brokers: Broker[] = [];

  beforeAll(async () => {
    server = await startNats({ jetStream: true });
    raw = await connect({ servers: server.address });
    admin = await raw.jetstreamManager();
  });

  afterAll(async () => {
    await Promise.all(brokers.map((broker) => broker.disconnect()));
    await raw?.close();
    await server?.close();
  });

  async function connected(jetStream: JetStreamOptions = {}, options: NatsBrokerOptions = {}): Promise<Broker> {
    const given = options.connection === undefined ? { servers: server.url } : {};
    const broker = natsBroker({ ...given, jetStream, ...options });
    brokers.push(broker);
    await broker.connect();
    return broker;
  }

  async function listen(broker: Broker, topic: string, queue?: string): Promise<string[]> {
    const got: string[] = [];
    await broker.subscribe(topic, ({ message: { body } }) => got.push(Buffer.from(body).toString()), { queue });
    return got;
  }

  test('what is published while nobody of a queue is there waits for the next one, over a restart of all of them', async () => {
    const first = await connected();
    const before = await listen(first, 'kept.topic', 'mail');
    const publisher = await connected();
    await publisher.publish('kept.topic', message('1'));
    await eventually(() => assert.deepEqual(before, ['1']));
    await first.disconnect();
    await publisher.publish('kept.topic', message('2'));
    const after = await listen(await connected(), 'kept.topic', 'mail');
    await eventually(() => assert.deepEqual(after, ['2']));
  });

  test('a subscription without a queue that rests gets what was published meanwhile, and one that is closed leaves no trace', async () => {
    const broker = await connected();
    const got: string[] = [];
    const subscription = await broker.subscribe('resting.topic', ({ message: { body } }) =>
      got.push(Buffer.from(body).toString()),
    );
    await broker.disconnect();
    const publisher = await connected();
    await publisher.publish('resting.topic', message('1'));
    await broker.connect();
    await eventually(() => assert.deepEqual(got, ['1']));
    const stream = await admin.streams.find('resting.topic');
    assert.equal((await admin.consumers.list(stream).next()).length, 1);
    await subscription.close();
    assert.equal((await admin.consumers.list(stream).next()).length, 0);
  });

  test('an event whose process dies goes to somebody else after ackWaitMs', async () => {
    const dying = await connect({ servers: server.address, reconnect: false });
    const broker = await connected({ ackWaitMs: 1_000 }, { connection: dying, drainMs: 100 });
    let begun = false;
    await broker.subscribe(
      'dying.topic',
      () => {
        begun = true;
        return new Promise(() => {});
      },
      { queue: 'q' },
    );
    const publisher = await connected();
    await publisher.publish('dying.topic', message('1'));
    await eventually(() => assert.ok(begun));
    // As good as dead: what it works at is heard of no more.
    await dying.close();
    const got = await listen(await connected({ ackWaitMs: 1_000 }), 'dying.topic', 'q');
    await eventually(() => assert.deepEqual(got, ['1']), { timeoutMs: 10_000 });
  });

  test('a handler that takes longer than ackWaitMs keeps its event, as long as its process lives', async () => {
    // The server is told every second and a half at the latest, and a busy machine may be late by as much.
    const broker = await connected({ ackWaitMs: 3_000 });
    const begun: string[] = [];
    const handler = async ({ message: { body } }: { message: BrokerMessage }): Promise<void> => {
      begun.push(Buffer.from(body).toString());
      await new Promise((resolve) => setTimeout(resolve, 8_000));
    };
    await broker.subscribe('long.topic', handler, { queue: 'q' });
    await broker.subscribe('long.topic', handler, { queue: 'q' });
    await broker.publish('long.topic', message('1'));
    await new Promise((resolve) => setTimeout(resolve, 8_500));
    assert.deepEqual(begun, ['1']);
    const stream = await admin.streams.find('long.topic');
    const [consumer] = await admin.consumers.list(stream).next();
    await eventually(async () => {
      const { num_ack_pending, num_pending } = await admin.consumers.info(stream, consumer?.name ?? '');
      assert.deepEqual([num_ack_pending, num_pending], [0, 0]);
    });
  });

  test('a subscriber with a slow handler holds back no event that another one of its queue could take', async () => {
    const [slow, quick] = [await connected(), await connected()];
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    let held = 0;
    await slow.subscribe(
      'fair.topic',
      async () => {
        held += 1;
        await gate;
      },
      { queue: 'q' },
    );
    const got = await listen(quick, 'fair.topic', 'q');
    const publisher = await connected();
    for (let index = 0; index < 100; index += 1) await publisher.publish('fair.topic', message(String(index)));
    await eventually(() => assert.ok(got.length >= 98, `${got.length} came, ${held} are held`));
    assert.ok(held <= 1);
    open();
  });

  test('an event that fails maxDeliveries times becomes a dead letter that says why, and comes no more', async () => {
    const failures: BrokerFailure[] = [];
    const options = {
      maxDeliveries: 3,
      backoff: () => 20,
      onError: (failure: BrokerFailure) => failures.push(failure),
    };
    const broker = await connected({}, options);
    await broker.subscribe(
      'failing.topic',
      () => {
        throw new MicroError({ code: CODE.internal, detail: 'the database is away' });
      },
      { queue: 'mail' },
    );
    const dead: BrokerMessage[] = [];
    await broker.publish('failing.topic', { header: { 'Micro-Id': 'x', Own: 'y' }, body: Buffer.from('body') });
    await eventually(() => assert.equal(failures.at(-1)?.willRepeat, false));
    assert.deepEqual(
      failures.map(({ deliveries }) => deliveries),
      [1, 2, 3],
    );
    // Dead letters are kept for whoever looks at them later.
    await broker.subscribe('dead.failing.topic', ({ message: one }) => dead.push(one), { queue: 'undertaker' });
    await eventually(() => assert.equal(dead.length, 1));
    assert.deepEqual(
      { ...dead[0]?.header },
      {
        'Micro-Id': 'x',
        Own: 'y',
        'Micro-Topic': 'dead.failing.topic',
        [DEAD_LETTER.topic]: 'failing.topic',
        [DEAD_LETTER.queue]: 'mail',
        [DEAD_LETTER.code]: '500',
        [DEAD_LETTER.reason]: 'the database is away',
        [DEAD_LETTER.deliveries]: '3',
      },
    );
    assert.equal(Buffer.from(dead[0]?.body ?? []).toString(), 'body');
    const stream = await admin.streams.find('failing.topic');
    const [consumer] = await admin.consumers.list(stream).next();
    // The answer that ends it is one that nobody confirms.
    await eventually(async () =>
      assert.equal((await admin.consumers.info(stream, consumer?.name ?? '')).num_ack_pending, 0),
    );
  });

  test('an event that is no envelope, or whose message is at fault, is a dead letter at once', async () => {
    const broker = await connected();
    await broker.subscribe('hopeless.topic', () => {
      throw new MicroError({ code: CODE.badRequest, detail: 'no name' });
    });
    raw.publish('hopeless.topic', Buffer.from('no json'));
    await broker.publish('hopeless.topic', message('nameless'));
    const dead: BrokerMessage[] = [];
    await broker.subscribe('dead.hopeless.topic', ({ message: one }) => dead.push(one));
    await eventually(() => assert.equal(dead.length, 2));
    const reasons = dead.map(({ header, body }) => [
      header[DEAD_LETTER.reason]?.slice(0, 22),
      header[DEAD_LETTER.deliveries],
      Buffer.from(body).toString(),
    ]);
    assert.deepEqual(reasons.sort(), [
      ['no name', '1', 'nameless'],
      ['the message is no JSON', '1', 'no json'],
    ]);
  });

  test('a dead letter that fails again is not buried twice, and without a place for them none is kept', async () => {
    const failures: BrokerFailure[] = [];
    const onError = (failure: BrokerFailure): void => void failures.push(failure);
    const broker = await connected({}, { maxDeliveries: 1, onError });
    const fail = (): never => {
      throw new Error('no');
    };
    await broker.subscribe('twice.topic', fail, { queue: 'q' });
    await broker.subscribe('dead.twice.topic', fail, { queue: 'q' });
    await broker.publish('twice.topic', message('1'));
    await eventually(() => assert.equal(failures.length, 2));
    const counts = async (): Promise<unknown> =>
      (await admin.streams.info(DEAD_LETTERS, { subjects_filter: 'dead.>' })).state.subjects;
    assert.ok(!Object.keys((await counts()) ?? {}).includes('dead.dead.twice.topic'));
    const without = await connected({ deadLetter: false }, { maxDeliveries: 1, onError });
    await without.subscribe('never.topic', fail, { queue: 'q' });
    await without.publish('never.topic', message('1'));
    await eventually(() => assert.equal(failures.length, 3));
    assert.ok(!Object.keys((await counts()) ?? {}).includes('dead.never.topic'));
  });

  test('a stream that is full refuses what is new with 429, when it is told to', async () => {
    const broker = await connected({ discard: 'new', maxMessages: 3 });
    for (const body of ['1', '2', '3']) await broker.publish('full.topic', message(body));
    await assert.rejects(
      broker.publish('full.topic', message('4')),
      hasCode(CODE.tooManyRequests, /full\.topic is full/),
    );
  });

  test('limits that the server cannot keep are a 400 that says why, at once, for who publishes and who subscribes', async () => {
    const broker = await connected({ replicas: 3 });
    const begun = performance.now();
    const refused = (error: unknown): boolean =>
      error instanceof MicroError && error.code === CODE.badRequest && /replicas/.test(error.detail);
    await assert.rejects(broker.publish('three.copies', message('a')), refused);
    await assert.rejects(
      broker.subscribe('three.copies', () => {}),
      refused,
    );
    assert.ok(performance.now() - begun < 3_000);
  });

  test('one stream has all its subjects, gets those that it lacks, and takes no other topic', async () => {
    const one = await connected({ stream: 'EVENTS', subjects: ['one.>'] });
    await one.publish('one.a.b', message('1'));
    const two = await connected({ stream: 'EVENTS', subjects: ['one.>', 'two.*'], maxMessages: 500 });
    await two.publish('two.a', message('2'));
    const { config } = await admin.streams.info('EVENTS');
    assert.deepEqual([config.subjects, config.max_msgs], [['one.>', 'two.*'], 500]);
    await assert.rejects(
      two.publish('two.a.b', message('3')),
      hasCode(CODE.badRequest, /EVENTS has no subject.*two\.a\.b/),
    );
    const none = await connected({ stream: 'NONE' });
    await assert.rejects(none.publish('a', message('1')), hasCode(CODE.badRequest, /no stream NONE/));
  });

  test('a topic whose subject a stream of somebody else has is kept there, and that stream is not changed', async () => {
    await admin.streams.add({ name: 'THEIRS', subjects: ['theirs.>'], max_msgs: 10 });
    const broker = await connected({ maxMessages: 5 });
    const got = await listen(broker, 'theirs.topic', 'q');
    await broker.publish('theirs.topic', message('1'));
    await eventually(() => assert.deepEqual(got, ['1']));
    const { config, state } = await admin.streams.info('THEIRS');
    assert.deepEqual([config.max_msgs, state.messages], [10, 1]);
  });

  test('what a plain publisher sends is kept too, and plain subscribers hear what is kept', async () => {
    const broker = await connected();
    const got = await listen(broker, 'plain.topic', 'q');
    const plain: string[] = [];
    raw.subscribe('plain.topic', { callback: (_, { data }) => plain.push(Buffer.from(data).toString()) });
    await raw.flush();
    raw.publish('plain.topic', Buffer.from('{"Header":{"Micro-Topic":"plain.topic"},"Body":"eA=="}'));
    await eventually(() => assert.deepEqual(got, ['x']));
    await broker.publish('plain.topic', message('y'));
    await eventually(() => assert.equal(plain.length, 2));
  });

  test('topics with dots, and topics that look alike, have streams of their own', async () => {
    const broker = await connected();
    const logs = await Promise.all(['same.name', 'same_name', 'same.na.me'].map((topic) => listen(broker, topic, 'q')));
    await broker.publish('same.name', message('1'));
    await broker.publish('same_name', message('2'));
    await broker.publish('same.na.me', message('3'));
    await eventually(() => assert.deepEqual(logs, [['1'], ['2'], ['3']]));
  });

  test('two queues whose names look alike do not share events', async () => {
    const broker = await connected();
    const logs = await Promise.all(['a.b', 'a_b', 'a/b'].map((queue) => listen(broker, 'queues.topic', queue)));
    await broker.publish('queues.topic', message('1'));
    await eventually(() => assert.deepEqual(logs, [['1'], ['1'], ['1']]));
  });

  test('a broker for JetStream does not connect to a server that has none', async () => {
    await using plain = await startNats();
    const broker = natsBroker({ servers: plain.url, jetStream: true, logger: logBook() });
    await assert.rejects(broker.connect(), hasCode(CODE.unavailable, new RegExp(`${plain.address} has no JetStream`)));
    await assert.rejects(broker.publish('a', message('1')), hasCode(CODE.unavailable, /not connected/));
  });
});

function hasCode(code: number, detail = /./): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof MicroError, `${String(error)} is no MicroError`);
    assert.equal(error.code, code, error.detail);
    assert.match(error.detail, detail);
    return true;
  };
}
