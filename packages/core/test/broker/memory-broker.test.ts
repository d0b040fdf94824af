import { afterEach, expect, test } from 'vitest';
import type { BrokerFailure } from '../../src/broker/broker-failure.ts';
import { type MemoryBrokerOptions, memoryBroker } from '../../src/broker/memory-broker.ts';
import { eventually } from '../../src/conformance/eventually.ts';
import type { Broker, Delivery } from '../../src/contract/broker.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';

const brokers: Broker[] = [];

afterEach(async () => {
  await Promise.all(brokers.splice(0).map((broker) => broker.disconnect()));
});

async function connected(options: MemoryBrokerOptions = {}): Promise<Broker> {
  const broker = memoryBroker({ logger: silentLogger(), backoff: () => 5, flushMs: 200, drainMs: 500, ...options });
  brokers.push(broker);
  await broker.connect();
  return broker;
}

function text(body: string): { header: Record<string, string>; body: Uint8Array } {
  return { header: {}, body: Buffer.from(body) };
}

test('10,000 messages are each handled once, in their order', async () => {
  const broker = await connected();
  const got: string[] = [];
  const queue: string[] = [];
  await broker.subscribe('a', ({ message }) => got.push(Buffer.from(message.body).toString()));
  for (const _ of [1, 2]) {
    const take = ({ message }: Delivery) => queue.push(Buffer.from(message.body).toString());
    await broker.subscribe('a', take, { queue: 'mail' });
  }
  const bodies = Array.from({ length: 10_000 }, (_, index) => String(index).padStart(5, '0'));
  await Promise.all(bodies.map((body) => broker.publish('a', text(body))));
  await eventually(() => expect([got.length, queue.length]).toEqual([10_000, 10_000]));
  expect(got).toEqual(bodies);
  expect(queue.sort()).toEqual(bodies);
});

test('a publisher waits for a slow subscriber instead of filling the memory', async () => {
  const broker = await connected({ inbox: { maxMessages: 10 } });
  let handled = 0;
  await broker.subscribe('a', async () => {
    await new Promise((resolve) => setImmediate(resolve));
    handled += 1;
  });
  let most = 0;
  for (let published = 1; published <= 200; published++) {
    await broker.publish('a', text('x'));
    most = Math.max(most, published - handled);
  }
  await eventually(() => expect(handled).toBe(200));
  expect(most).toBeLessThanOrEqual(11);
});

test('what is given up after maxDeliveries is reported with its message, and what comes after it is handled', async () => {
  const failures: BrokerFailure[] = [];
  const broker = await connected({ maxDeliveries: 2, onError: (failure) => failures.push(failure) });
  const got: string[] = [];
  await broker.subscribe('a', ({ message }) => {
    const body = Buffer.from(message.body).toString();
    if (body === 'poison') throw new Error('cannot');
    got.push(body);
  });
  for (const body of ['1', 'poison', '2']) await broker.publish('a', text(body));
  await eventually(() => expect(failures.map(({ willRepeat }) => willRepeat)).toEqual([true, false]));
  await eventually(() => expect(got).toEqual(['1', '2']));
  expect(failures[1]).toMatchObject({ topic: 'a', deliveries: 2, error: { detail: 'cannot' } });
  expect(Buffer.from(failures[1]?.message.body ?? []).toString()).toBe('poison');
});

test('without a limit of deliveries a message comes until it is handled', async () => {
  const broker = await connected({ maxDeliveries: 0, backoff: () => 1 });
  let deliveries = 0;
  await broker.subscribe('a', () => {
    deliveries += 1;
    if (deliveries < 20) throw new Error('not yet');
  });
  await broker.publish('a', text('x'));
  await eventually(() => expect(deliveries).toBe(20));
});

test('an event that is neither acknowledged nor refused in time comes again', async () => {
  const broker = await connected({ ackTimeoutMs: 20 });
  let deliveries = 0;
  await broker.subscribe(
    'a',
    async (delivery) => {
      deliveries += 1;
      if (deliveries === 2) await delivery.ack();
    },
    { autoAck: false },
  );
  await broker.publish('a', text('x'));
  await eventually(() => expect(deliveries).toBe(2));
});

test('nack counts with autoAck as well, and so does an ack before the handler fails', async () => {
  const failures: BrokerFailure[] = [];
  const broker = await connected({ onError: (failure) => failures.push(failure) });
  const happened: string[] = [];
  await broker.subscribe('a', async (delivery) => {
    const first = happened.length === 0;
    happened.push(first ? 'nack' : 'ack');
    if (first) {
      await delivery.nack(new Error('later'));
      return;
    }
    await delivery.ack();
    throw new Error('after the ack');
  });
  await broker.publish('a', text('x'));
  await eventually(() => expect(failures).toHaveLength(2));
  expect(happened).toEqual(['nack', 'ack']);
  expect(failures.map(({ error, willRepeat }) => [error.detail, willRepeat])).toEqual([
    ['later', true],
    ['after the ack', false],
  ]);
});

test('an onError that throws, and a handler that throws what is no error, disturb nobody', async () => {
  const broker = await connected({
    maxDeliveries: 1,
    onError: () => {
      throw new Error('in onError');
    },
  });
  const got: string[] = [];
  await broker.subscribe('a', ({ message }) => {
    got.push(Buffer.from(message.body).toString());
    if (got.length === 1) throw undefined;
  });
  for (const body of ['1', '2']) await broker.publish('a', text(body));
  await eventually(() => expect(got).toEqual(['1', '2']));
});

test('a subscriber cannot change what the others see', async () => {
  const broker = await connected();
  const seen: unknown[] = [];
  await broker.subscribe('a', ({ message }) => {
    expect(() => Object.assign(message.header, { Note: 'changed' })).toThrow(TypeError);
    seen.push(message.header.Note);
  });
  await broker.publish('a', { header: { Note: 'as it was' }, body: new Uint8Array(0) });
  await eventually(() => expect(seen).toEqual(['as it was']));
});

test('the messages of a queue wait for it while nobody is there, and are given up when they are too old', async () => {
  const failures: BrokerFailure[] = [];
  const broker = await connected({ inbox: { maxAgeMs: 1_000 }, onError: (failure) => failures.push(failure) });
  const got: string[] = [];
  const take = ({ message }: Delivery) => got.push(Buffer.from(message.body).toString());
  const first = await broker.subscribe('a', take, { queue: 'mail' });
  await broker.publish('a', text('1'));
  await eventually(() => expect(got).toEqual(['1']));
  await first.close();
  await broker.publish('a', text('2'));
  const second = await broker.subscribe('a', take, { queue: 'mail' });
  await eventually(() => expect(got).toEqual(['1', '2']));
  await second.close();
  await broker.publish('a', text('3'));
  await eventually(() => expect(failures).toHaveLength(1));
  expect(got).toEqual(['1', '2']);
});

test('what waits too long behind a slow handler is given up, although others are handled meanwhile', async () => {
  const failures: BrokerFailure[] = [];
  const broker = await connected({ inbox: { maxAgeMs: 150 }, onError: (failure) => failures.push(failure) });
  const got: string[] = [];
  await broker.subscribe('a', async ({ message }) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    got.push(Buffer.from(message.body).toString());
  });
  const bodies = Array.from({ length: 100 }, (_, index) => String(index));
  for (const body of bodies) await broker.publish('a', text(body));
  await eventually(() => expect(got.length + failures.length).toBe(100));
  expect(failures.length).toBeGreaterThan(50);
  expect(failures[0]).toMatchObject({ deliveries: 0, willRepeat: false, error: { code: 408 } });
  const lost = failures.map(({ message }) => Buffer.from(message.body).toString());
  expect([...got, ...lost].sort((a, b) => Number(a) - Number(b))).toEqual(bodies);
});

test('a handler may publish, close its subscription and subscribe', async () => {
  const broker = await connected();
  const got: string[] = [];
  const subscription = await broker.subscribe('a', async () => {
    await broker.subscribe('b', ({ message }) => got.push(Buffer.from(message.body).toString()));
    void subscription.close();
    await broker.publish('b', text('from a'));
  });
  await broker.publish('a', text('x'));
  await eventually(() => expect(got).toEqual(['from a']));
});

test('without a logger and onError the loss of a message is a warning of the process', async () => {
  const broker = await connected({ logger: undefined, maxDeliveries: 1 });
  const warnings: Error[] = [];
  const hear = (warning: Error): unknown => warnings.push(warning);
  process.on('warning', hear);
  try {
    await broker.subscribe('a', () => {
      throw new Error('cannot');
    });
    await broker.publish('a', text('x'));
    await eventually(() => expect(warnings.map(({ message }) => message)).toEqual(['an event of a is lost: cannot']));
  } finally {
    process.off('warning', hear);
  }
});
