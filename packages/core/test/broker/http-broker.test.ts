import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { connect, createServer as createNetServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { BrokerFailure } from '../../src/broker/broker-failure.ts';
import { type HttpBrokerOptions, httpBroker } from '../../src/broker/http-broker.ts';
import { eventually } from '../../src/conformance/eventually.ts';
import type { Broker } from '../../src/contract/broker.ts';
import type { Registry } from '../../src/contract/registry.ts';
import { MicroError } from '../../src/error/micro-error.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';

const SERVICE = 'micro.http.broker';
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function connected(registry: Registry, options: Partial<HttpBrokerOptions> = {}): Promise<Broker> {
  const broker = httpBroker({
    registry,
    address: '127.0.0.1:0',
    logger: silentLogger(),
    backoff: () => 5,
    flushMs: 500,
    drainMs: 2_000,
    ...options,
  });
  ends.push(() => broker.disconnect());
  await broker.connect();
  return broker;
}

interface Post {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A subscriber as Go's http broker is one: it answers 200, whatever comes; or what `status` says. */
async function goSubscriber(
  registry: Registry,
  nodeId: string,
  topic: string,
  { version = 'ff.http.broadcast', status = (): number => 200, port = 0 } = {},
): Promise<{ readonly posts: Post[]; readonly server: Server; readonly port: number }> {
  const posts: Post[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      posts.push({ method: request.method, url: request.url, headers: request.headers, body });
      response.writeHead(status(), { 'Content-Length': 0 }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const bound = server.address();
  const chosen = typeof bound === 'object' && bound !== null ? bound.port : 0;
  ends.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  await register(registry, nodeId, topic, `127.0.0.1:${chosen}`, version);
  return { posts, server, port: chosen };
}

async function register(
  registry: Registry,
  id: string,
  topic: string,
  address: string,
  version: string,
): Promise<void> {
  const metadata = { broker: 'http', secure: 'false', topic };
  await registry.register({ name: SERVICE, version, metadata: {}, endpoints: [], nodes: [{ id, address, metadata }] });
}

/** A port that nobody listens at. */
async function freePort(): Promise<number> {
  const server = createNetServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}

function text(body: string): { header: Record<string, string>; body: Uint8Array } {
  return { header: {}, body: Buffer.from(body) };
}

async function soleNode(registry: Registry): Promise<{ id: string; address: string }> {
  const records = await registry.getService(SERVICE);
  const node = records.flatMap(({ nodes }) => nodes)[0];
  if (node === undefined) throw new Error('nobody is registered');
  return node;
}

function post(address: string, id: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
  const url = `http://${address}/?${new URLSearchParams({ id })}`;
  return fetch(url, { method: 'POST', body, headers: { 'Content-Type': 'application/json', ...headers } });
}

const EXAMPLE =
  '{"Header":{"Content-Type":"application/json","Micro-Id":"f0c1","Micro-Topic":"users.created"},"Body":"eyJpZCI6MX0K"}';

describe('on go-micro’s wire', () => {
  test('a message is posted with the bytes that Go writes', async () => {
    const registry = memoryRegistry();
    const go = await goSubscriber(registry, 'users.created-0a1b c', 'users.created');
    const broker = await connected(registry);
    const header = { 'Micro-Topic': 'overwritten', 'Micro-Id': 'f0c1', 'Content-Type': 'application/json' };
    await broker.publish('users.created', { header, body: Buffer.from('{"id":1}\n') });
    await eventually(() => expect(go.posts).toHaveLength(1));
    expect(go.posts[0]).toMatchObject({
      method: 'POST',
      url: '/?id=users.created-0a1b+c',
      headers: { 'content-type': 'application/json', 'content-length': String(EXAMPLE.length) },
      body: EXAMPLE,
    });
  });

  test('a message as Go posts it reaches the handler, and is answered with an empty 200', async () => {
    const registry = memoryRegistry();
    const broker = await connected(registry);
    const got: unknown[] = [];
    await broker.subscribe('users.created', ({ topic, message }) => {
      got.push({ topic, header: { ...message.header }, body: Buffer.from(message.body).toString() });
    });
    const node = await soleNode(registry);
    const answer = await post(node.address, node.id, EXAMPLE);
    expect({ status: answer.status, body: await answer.text() }).toEqual({ status: 200, body: '' });
    expect(got).toEqual([
      {
        topic: 'users.created',
        header: { 'Content-Type': 'application/json', 'Micro-Id': 'f0c1', 'Micro-Topic': 'users.created' },
        body: '{"id":1}\n',
      },
    ]);
  });

  test('names of the two members in any case, line breaks in the base64 and no body are read as Go reads them', async () => {
    const registry = memoryRegistry();
    const broker = await connected(registry);
    const got: string[] = [];
    await broker.subscribe('a', ({ message }) => got.push(Buffer.from(message.body).toString()));
    const node = await soleNode(registry);
    const send = (body: string) => post(node.address, node.id, body).then(({ status }) => status);
    expect(await send('{"header":{"Micro-Topic":"a"},"BODY":"eHl6\\r\\n"}')).toBe(200);
    expect(await send('{"Header":{"Micro-Topic":"a"},"Body":null,"Other":[1]}')).toBe(200);
    const asForm = { 'Content-Type': 'application/x-www-form-urlencoded' };
    expect((await post(node.address, node.id, '{"Header":{"Micro-Topic":"a"}}', asForm)).status).toBe(200);
    expect(got).toEqual(['xyz', '', '']);
  });

  test('a subscription is registered as Go registers it, and each has a node id of its own', async () => {
    const registry = memoryRegistry();
    const broker = await connected(registry, { id: '0a1b' });
    await broker.subscribe('users.created', () => {});
    await broker.subscribe('users.created', () => {}, { queue: 'mail', concurrency: 4 });
    const records = [...(await registry.getService(SERVICE))].sort((a, b) => (a.version < b.version ? -1 : 1));
    const common = { broker: 'http', secure: 'false', topic: 'users.created' };
    const { address } = broker;
    expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(records).toEqual([
      {
        name: SERVICE,
        version: 'ff.http.broadcast',
        metadata: {},
        endpoints: [],
        nodes: [{ id: 'users.created-0a1b', address, metadata: common }],
      },
      {
        name: SERVICE,
        version: 'mail',
        metadata: {},
        endpoints: [],
        nodes: [{ id: 'users.created-0a1b-2', address, metadata: { ...common, concurrency: '4' } }],
      },
    ]);
    await broker.disconnect();
    expect(await registry.getService(SERVICE)).toEqual([]);
  });

  test('every Go subscriber without a queue gets a message, and one of each queue', async () => {
    const registry = memoryRegistry();
    const everybody = [await goSubscriber(registry, 'a-1', 'a'), await goSubscriber(registry, 'a-2', 'a')];
    const queue = [
      await goSubscriber(registry, 'a-3', 'a', { version: 'mail' }),
      await goSubscriber(registry, 'a-4', 'a', { version: 'mail' }),
    ];
    const other = await goSubscriber(registry, 'b-5', 'b');
    const broker = await connected(registry);
    for (let index = 0; index < 40; index++) await broker.publish('a', text(String(index)));
    await eventually(() => {
      for (const { posts } of everybody) expect(posts).toHaveLength(40);
      expect(queue.flatMap(({ posts }) => posts)).toHaveLength(40);
    });
    for (const { posts } of queue) expect(posts.length).toBeGreaterThan(0);
    expect(other.posts).toEqual([]);
  });

  test('topics that no registry can carry in a name are subscribed to and published', async () => {
    const registry = memoryRegistry();
    const broker = await connected(registry);
    for (const topic of ['größe 木', 'x'.repeat(255), '..', 'a b', 'a_b']) {
      const got: string[] = [];
      await broker.subscribe(topic, (delivery) => got.push(delivery.topic));
      await broker.publish(topic, text('x'));
      await eventually(() => expect(got).toEqual([topic]));
    }
    const ids = (await registry.getService(SERVICE)).flatMap(({ nodes }) => nodes.map(({ id }) => id));
    expect(new Set(ids).size).toBe(5);
    for (const id of ids) expect(id).toMatch(/^(?:[\w-]{1,63}\.)*[\w-]{1,63}$/);
  });
});

describe('what comes from outside', () => {
  test.each([
    ['no JSON', 'x', 400],
    ['null', 'null', 400],
    ['a list', '[]', 400],
    ['no topic', '{"Header":{},"Body":""}', 400],
    ['no header', '{"Body":""}', 400],
    ['a header that is a list', '{"Header":["Micro-Topic"],"Body":""}', 400],
    ['a field that is no text', '{"Header":{"Micro-Topic":"a","b":1},"Body":""}', 400],
    ['a body that is no base64', '{"Header":{"Micro-Topic":"a"},"Body":"?"}', 400],
    ['a body that is no text', '{"Header":{"Micro-Topic":"a"},"Body":[1]}', 400],
    ['another topic', '{"Header":{"Micro-Topic":"b"},"Body":""}', 404],
    ['nothing', '', 400],
  ])('%s is refused with go-micro’s error, and the next message is served', async (_, body, status) => {
    const registry = memoryRegistry();
    const broker = await connected(registry);
    const got: string[] = [];
    await broker.subscribe('a', ({ message }) => got.push(Buffer.from(message.body).toString()));
    const node = await soleNode(registry);
    const answer = await post(node.address, node.id, body);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ id: 'go.micro.broker', code: status });
    expect((await post(node.address, node.id, '{"Header":{"Micro-Topic":"a"},"Body":"eA=="}')).status).toBe(200);
    expect(got).toEqual(['x']);
  });

  test('another method is refused with 405, an unknown node with 404, a message that is too large with 413', async () => {
    const registry = memoryRegistry();
    const broker = await connected(registry, { maxMessageBytes: 1_000 });
    let calls = 0;
    await broker.subscribe('a', () => {
      calls += 1;
    });
    const { address, id } = await soleNode(registry);
    const answer = await fetch(`http://${address}/?id=${id}`);
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await post(address, 'a-nobody', EXAMPLE)).status).toBe(404);
    expect((await post(address, '', EXAMPLE)).status).toBe(404);
    const large = JSON.stringify({ Header: { 'Micro-Topic': 'a' }, Body: 'A'.repeat(1_000_000) });
    expect((await post(address, id, large)).status).toBe(413);
    await expect(broker.publish('a', { header: {}, body: new Uint8Array(1_001) })).rejects.toMatchObject({ code: 413 });
    await expect(
      broker.publish('a', { header: { a: 'x'.repeat(65_536) }, body: new Uint8Array(0) }),
    ).rejects.toMatchObject({ code: 431 });
    expect(calls).toBe(0);
  });

  test('the bytes of a sender that leaves half way are free again; while it sends, others are refused for now', async () => {
    const registry = memoryRegistry();
    const broker = await connected(registry, { maxReceivingBytes: 600 });
    await broker.subscribe('a', () => {});
    const { address, id } = await soleNode(registry);
    const message = JSON.stringify({ Header: { 'Micro-Topic': 'a' }, Body: 'A'.repeat(300) });
    const status = () => post(address, id, message).then((answer) => answer.status);
    const half = connect(Number(address.split(':').at(-1)), '127.0.0.1');
    ends.push(() => half.destroy());
    half.on('error', () => {});
    half.write(`POST /?id=${id} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(500)}`);
    await eventually(async () => expect(await status()).toBe(503));
    half.destroy();
    await eventually(async () => expect(await status()).toBe(200));
  });

  test('fields and members named like what every object has are data', async () => {
    const registry = memoryRegistry();
    const broker = await connected(registry);
    const headers: Record<string, string>[] = [];
    await broker.subscribe('a', ({ message }) => headers.push({ ...message.header }));
    const { address, id } = await soleNode(registry);
    await post(
      address,
      id,
      '{"__proto__":{"x":1},"Header":{"Micro-Topic":"a","__proto__":"y","constructor":"z"},"Body":""}',
    );
    expect(Object.entries(headers[0] ?? {}).sort()).toEqual([
      ['Micro-Topic', 'a'],
      ['__proto__', 'y'],
      ['constructor', 'z'],
    ]);
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  test('a registered node whose address is none does not take the messages of its queue', async () => {
    const registry = memoryRegistry();
    await register(registry, 'a-0', 'a', 'nowhere', 'mail');
    const go = await goSubscriber(registry, 'a-1', 'a', { version: 'mail' });
    const broker = await connected(registry);
    for (let index = 0; index < 10; index++) await broker.publish('a', text(String(index)));
    await eventually(() => expect(go.posts).toHaveLength(10));
  });
});

describe('a failing handler', () => {
  test('whose event came from a Go publisher, which never repeats, is tried again here and then reported', async () => {
    const registry = memoryRegistry();
    const failures: BrokerFailure[] = [];
    const broker = await connected(registry, { maxDeliveries: 3, onError: (failure) => failures.push(failure) });
    let fails = 2;
    await broker.subscribe('a', () => {
      fails -= 1;
      if (fails >= 0) throw new Error('not yet');
    });
    const { address, id } = await soleNode(registry);
    const message = '{"Header":{"Micro-Topic":"a"},"Body":"eA=="}';
    expect((await post(address, id, message)).status).toBe(200);
    expect(failures.map(({ deliveries, willRepeat }) => [deliveries, willRepeat])).toEqual([
      [1, true],
      [2, true],
    ]);
    fails = 3;
    const answer = await post(address, id, message);
    expect([answer.status, await answer.json()]).toEqual([500, expect.objectContaining({ detail: 'not yet' })]);
    expect(failures.at(-1)).toMatchObject({ topic: 'a', deliveries: 3, willRepeat: false });
  });

  test('gets its event as often as maxDeliveries says, and then the publisher reports it with its message', async () => {
    const registry = memoryRegistry();
    const failures: BrokerFailure[] = [];
    const publisher = await connected(registry, { maxDeliveries: 3, onError: (failure) => failures.push(failure) });
    const subscriber = await connected(registry);
    let deliveries = 0;
    await subscriber.subscribe('a', () => {
      deliveries += 1;
      throw new MicroError({ id: 'mail', code: 503, detail: 'no post today' });
    });
    await publisher.publish('a', { header: { Note: 'n' }, body: Buffer.from('x') });
    await eventually(() => expect(failures.at(-1)).toMatchObject({ deliveries: 3, willRepeat: false }));
    expect(deliveries).toBe(3);
    expect(failures.at(-1)?.error).toMatchObject({ id: 'mail', code: 503, detail: 'no post today' });
    expect(failures.at(-1)?.message.header.Note).toBe('n');
    expect(Buffer.from(failures.at(-1)?.message.body ?? []).toString()).toBe('x');
  });

  test('that says the message itself is wrong (400) does not get it again', async () => {
    const registry = memoryRegistry();
    const failures: BrokerFailure[] = [];
    const broker = await connected(registry, { onError: (failure) => failures.push(failure) });
    let deliveries = 0;
    await broker.subscribe('a', () => {
      deliveries += 1;
      throw new MicroError({ code: 400, detail: 'name is missing' });
    });
    await broker.publish('a', text('x'));
    await eventually(() => expect(failures.some(({ willRepeat }) => !willRepeat)).toBe(true));
    expect(deliveries).toBe(1);
  });

  test('of another framework that answers 500 gets the message again, one that answers 422 does not', async () => {
    const registry = memoryRegistry();
    const failures: BrokerFailure[] = [];
    const answers = [500, 500];
    const other = await goSubscriber(registry, 'a-1', 'a', { status: () => answers.shift() ?? 422 });
    const broker = await connected(registry, { onError: (failure) => failures.push(failure) });
    await broker.publish('a', text('x'));
    await eventually(() => expect(failures.map(({ willRepeat }) => willRepeat)).toEqual([true, true, false]));
    expect(other.posts.map(({ headers }) => headers['delivery-attempt'])).toEqual(['1', '2', '3']);
    expect(failures.at(-1)?.error.detail).toContain('answered 422');
  });

  test('that takes longer than ackTimeoutMs has failed, and its late end is nobody’s answer', async () => {
    const registry = memoryRegistry();
    const broker = await connected(registry, { ackTimeoutMs: 30 });
    let deliveries = 0;
    await broker.subscribe('a', async () => {
      deliveries += 1;
      if (deliveries === 1) await new Promise((resolve) => setTimeout(resolve, 60));
    });
    await broker.publish('a', text('x'));
    await eventually(() => expect(deliveries).toBe(2));
  });
});

describe('the inbox', () => {
  test('keeps what could not be delivered until the subscriber is reached', async () => {
    const registry = memoryRegistry();
    const port = await freePort();
    await register(registry, 'a-1', 'a', `127.0.0.1:${port}`, 'ff.http.broadcast');
    const broker = await connected(registry);
    for (const body of ['1', '2', '3']) await broker.publish('a', text(body));
    const go = await goSubscriber(registry, 'a-1', 'a', { port });
    await eventually(() => expect(go.posts).toHaveLength(3));
    const bodies = go.posts.map(({ body }) => Buffer.from(JSON.parse(body).Body, 'base64').toString());
    expect(bodies).toEqual(['1', '2', '3']);
  });

  test('keeps the messages of a queue while all who share it are restarted', async () => {
    const registry = memoryRegistry();
    const publisher = await connected(registry);
    const before = await connected(registry);
    const got: string[] = [];
    const take = (delivery: { message: { body: Uint8Array } }) =>
      got.push(Buffer.from(delivery.message.body).toString());
    await before.subscribe('a', take, { queue: 'mail' });
    await publisher.publish('a', text('1'));
    await eventually(() => expect(got).toEqual(['1']));
    await before.disconnect();
    for (const body of ['2', '3']) await publisher.publish('a', text(body));
    const after = await connected(registry);
    await after.subscribe('a', take, { queue: 'mail' });
    await eventually(() => expect(got).toEqual(['1', '2', '3']));
  });

  test('keeps the messages of a subscriber without a queue that was lost and comes back with its id', async () => {
    const registry = memoryRegistry();
    const publisher = await connected(registry);
    // Killed: its record is still there, and nobody answers.
    await register(registry, 'a-stable', 'a', `127.0.0.1:${await freePort()}`, 'ff.http.broadcast');
    await publisher.publish('a', text('1'));
    const back = await connected(registry, { id: 'stable' });
    const got: string[] = [];
    await back.subscribe('a', ({ message }) => got.push(Buffer.from(message.body).toString()));
    await eventually(() => expect(got).toEqual(['1']));
  });

  test('gives a queue’s message to another one when the first cannot be reached', async () => {
    const registry = memoryRegistry();
    for (const dead of [1, 2, 3]) {
      await register(registry, `a-dead-${dead}`, 'a', `127.0.0.1:${await freePort()}`, 'mail');
    }
    const go = await goSubscriber(registry, 'a-1', 'a', { version: 'mail' });
    const broker = await connected(registry);
    for (let index = 0; index < 20; index++) await broker.publish('a', text(String(index)));
    await eventually(() => expect(go.posts).toHaveLength(20));
  });

  test('keeps what is published while the registry cannot be reached', async () => {
    const registry = memoryRegistry();
    let isDown = true;
    const flaky: Registry = {
      ...registry,
      async getService(name, options) {
        if (isDown) throw new MicroError({ code: 503, detail: 'no registry' });
        return registry.getService(name, options);
      },
    };
    const go = await goSubscriber(registry, 'a-1', 'a');
    const broker = await connected(flaky);
    for (const body of ['1', '2']) await broker.publish('a', text(body));
    expect(go.posts).toEqual([]);
    isDown = false;
    await eventually(() => expect(go.posts).toHaveLength(2));
  });

  test('that is full makes publish wait, and then refuses with 429; room lets the next one in', async () => {
    const registry = memoryRegistry();
    const port = await freePort();
    await register(registry, 'a-1', 'a', `127.0.0.1:${port}`, 'ff.http.broadcast');
    const broker = await connected(registry, { inbox: { maxMessages: 2, waitMs: 50 } });
    await broker.publish('a', text('1'));
    await broker.publish('a', text('2'));
    await expect(broker.publish('a', text('3'))).rejects.toMatchObject({
      code: 429,
      detail: expect.stringContaining('inbox of a is full'),
    });
    await broker.publish('b', text('another topic has room'));
    const patient = await connected(registry, { inbox: { maxMessages: 2, waitMs: 5_000 } });
    const published = Promise.all(['4', '5', '6', '7'].map((body) => patient.publish('a', text(body))));
    const go = await goSubscriber(registry, 'a-1', 'a', { port });
    await published;
    await eventually(() => expect(go.posts).toHaveLength(6));
  });

  test('has a limit of bytes, and takes one message that is larger than all of it', async () => {
    const registry = memoryRegistry();
    await register(registry, 'a-1', 'a', `127.0.0.1:${await freePort()}`, 'ff.http.broadcast');
    const broker = await connected(registry, { inbox: { maxBytes: 1_000, waitMs: 0 }, flushMs: 0 });
    await broker.publish('a', { header: {}, body: new Uint8Array(5_000) });
    await expect(broker.publish('a', text('x'))).rejects.toMatchObject({ code: 429 });
  });

  test('a publisher that waits for room can be cancelled', async () => {
    const registry = memoryRegistry();
    await register(registry, 'a-1', 'a', `127.0.0.1:${await freePort()}`, 'ff.http.broadcast');
    const broker = await connected(registry, { inbox: { maxMessages: 1 }, flushMs: 0 });
    await broker.publish('a', text('1'));
    const controller = new AbortController();
    const waiting = broker.publish('a', text('2'), { signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 499 });
  });

  test('gives up what is too old, and says so', async () => {
    const registry = memoryRegistry();
    const failures: BrokerFailure[] = [];
    await register(registry, 'a-1', 'a', `127.0.0.1:${await freePort()}`, 'ff.http.broadcast');
    const broker = await connected(registry, {
      inbox: { maxAgeMs: 50 },
      onError: (failure) => failures.push(failure),
    });
    await broker.publish('a', text('x'));
    await eventually(() => expect(failures).toHaveLength(1));
    expect(failures[0]).toMatchObject({ topic: 'a', deliveries: 0, willRepeat: false });
    expect(Buffer.from(failures[0]?.message.body ?? []).toString()).toBe('x');
  });

  test('that cannot be emptied does not keep disconnect, and what is lost is reported', async () => {
    const registry = memoryRegistry();
    const failures: BrokerFailure[] = [];
    await register(registry, 'a-1', 'a', `127.0.0.1:${await freePort()}`, 'ff.http.broadcast');
    const broker = await connected(registry, { onError: (failure) => failures.push(failure) });
    for (const body of ['1', '2']) await broker.publish('a', text(body));
    const begun = performance.now();
    await broker.disconnect();
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(failures.map(({ message }) => Buffer.from(message.body).toString())).toEqual(['1', '2']);
  });

  test('is emptied by disconnect when the subscriber is there', async () => {
    const registry = memoryRegistry();
    const go = await goSubscriber(registry, 'a-1', 'a');
    const broker = await connected(registry, { flushMs: 10_000 });
    for (let index = 0; index < 100; index++) await broker.publish('a', text(String(index)));
    await broker.disconnect();
    expect(go.posts).toHaveLength(100);
  });
});

describe('a slow subscriber', () => {
  test('takes no more than it says, and refuses what a Go publisher sends beyond its queue', async () => {
    const registry = memoryRegistry();
    const failures: BrokerFailure[] = [];
    const broker = await connected(registry, { maxWaiting: 1, onError: (failure) => failures.push(failure) });
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await broker.subscribe('a', () => released);
    const { address, id } = await soleNode(registry);
    const answers = [1, 2, 3].map(() => post(address, id, '{"Header":{"Micro-Topic":"a"},"Body":""}'));
    await eventually(() => expect(failures).toHaveLength(1));
    expect(failures[0]?.error.detail).toContain('events waiting');
    release();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 200, 500]);
  });

  test('holds up neither another topic nor another subscriber', async () => {
    const registry = memoryRegistry();
    const broker = await connected(registry);
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const got: string[] = [];
    await broker.subscribe('a', () => released);
    await broker.subscribe('a', () => got.push('a'));
    await broker.subscribe('b', () => got.push('b'));
    for (let index = 0; index < 5; index++) await broker.publish('a', text('x'));
    await broker.publish('b', text('x'));
    await eventually(() => expect(got.sort()).toEqual(['a', 'a', 'a', 'a', 'a', 'b']));
    release();
  });
});

describe('its life', () => {
  test('nothing listens before the first subscription, not even for a publisher', async () => {
    const registry = memoryRegistry();
    const broker = await connected(registry);
    await broker.publish('a', text('x'));
    expect(broker.address).toBeUndefined();
    await broker.subscribe('a', () => {});
    expect(broker.address).toMatch(/^127\.0\.0\.1:\d+$/);
    await broker.disconnect();
    expect(broker.address).toBeUndefined();
  });

  test('it is reached from other machines unless it is told to stay on this one, at the address it is told to say', async () => {
    const registry = memoryRegistry();
    const open = await connected(registry, { address: undefined });
    await open.subscribe('a', () => {});
    expect(open.address).toMatch(/:\d+$/);
    expect(open.address).not.toMatch(/^(?:0\.0\.0\.0|\[::\]|:)/);
    const named = await connected(registry, { advertise: 'broker.example' });
    await named.subscribe('a', () => {});
    expect(named.address).toMatch(/^broker\.example:\d+$/);
  });

  test('an address that is taken refuses the subscription, and a queue that means no queue too', async () => {
    const registry = memoryRegistry();
    const first = await connected(registry);
    await first.subscribe('a', () => {});
    const second = await connected(registry, { address: first.address });
    await expect(second.subscribe('a', () => {})).rejects.toMatchObject({ code: 409 });
    const queue = 'ff.http.broadcast';
    await expect(first.subscribe('a', () => {}, { queue })).rejects.toMatchObject({ code: 400 });
    expect((await registry.getService(SERVICE)).flatMap(({ nodes }) => nodes)).toHaveLength(1);
  });

  test('a registry that cannot be reached at first does not keep a subscription from being made', async () => {
    const registry = memoryRegistry();
    let refusals = 2;
    const flaky: Registry = {
      ...registry,
      async register(record, options) {
        refusals -= 1;
        if (refusals >= 0) throw new MicroError({ code: 503, detail: 'no registry' });
        await registry.register(record, options);
      },
    };
    const broker = await connected(flaky);
    await broker.subscribe('a', () => {});
    await eventually(async () => expect(await registry.getService(SERVICE)).toHaveLength(1));
  });

  test('a record that was deleted behind its back comes back', async () => {
    const registry = memoryRegistry();
    const broker = await connected(registry, { registerIntervalMs: 20, registerTtlMs: 1_000 });
    await broker.subscribe('a', () => {});
    for (const record of await registry.getService(SERVICE)) await registry.deregister(record);
    await eventually(async () => expect(await registry.getService(SERVICE)).toHaveLength(1));
  });

  test('a handler that never returns does not keep disconnect', async () => {
    const registry = memoryRegistry();
    const broker = await connected(registry, { drainMs: 50, flushMs: 20 });
    let begun = false;
    await broker.subscribe('a', () => {
      begun = true;
      return new Promise(() => {});
    });
    await broker.publish('a', text('x'));
    await eventually(() => expect(begun).toBe(true));
    const at = performance.now();
    await broker.disconnect();
    expect(performance.now() - at).toBeLessThan(10_000);
  });
});

test('10,000 messages are each handled once, by one of a queue and by everybody without one', {
  timeout: 300_000,
}, async () => {
  const registry = memoryRegistry();
  const [publisher, here, there] = [await connected(registry), await connected(registry), await connected(registry)];
  const queue: number[] = [];
  const alone: number[] = [];
  const numberOf = (body: Uint8Array): number => Buffer.from(body).readUInt32LE(0);
  for (const broker of [here, there]) {
    await broker.subscribe('a', ({ message }) => queue.push(numberOf(message.body)), { queue: 'mail', concurrency: 8 });
  }
  await here.subscribe('a', ({ message }) => alone.push(numberOf(message.body)));
  const all = Array.from({ length: 10_000 }, (_, index) => index);
  await Promise.all(
    all.map((index) => {
      const body = Buffer.alloc(4);
      body.writeUInt32LE(index);
      return publisher.publish('a', { header: {}, body });
    }),
  );
  await eventually(() => expect([queue.length, alone.length]).toEqual([10_000, 10_000]), { timeoutMs: 280_000 });
  expect(alone).toEqual(all);
  expect(queue.sort((a, b) => a - b)).toEqual(all);
});
