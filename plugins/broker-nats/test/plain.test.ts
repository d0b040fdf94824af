import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, type BrokerFailure, type BrokerMessage, CODE, MicroError } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { missingServer, startNats, type TestServer, testCertificates } from '@micro/test-servers';
import { connect, type NatsConnection, nkeys } from 'nats';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type NatsBrokerOptions, natsBroker, plugin } from '../src/index.ts';
import { logBook, message } from './traffic.ts';

const missing = missingServer('nats');
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;

const nkey = nkeys.createUser();
const CONFIG = `
authorization {
  users = [
    { user: all, password: "p@ss/word" }
    { user: some, password: some, permissions: { publish: ["may.>", "_INBOX.>"], subscribe: ["may.>", "_INBOX.>"] } }
    { nkey: ${nkey.getPublicKey()} }
  ]
}
`;

describe.skipIf(missing !== undefined)(`plain NATS${skipped}`, () => {
  let server: TestServer;
  let raw: NatsConnection;
  const brokers: Broker[] = [];

  beforeAll(async () => {
    server = await startNats();
    raw = await connect({ servers: server.address });
  });

  afterAll(async () => {
    await Promise.all(brokers.map((broker) => broker.disconnect()));
    await raw?.close();
    await server?.close();
  });

  async function connected(options: NatsBrokerOptions = {}): Promise<Broker> {
    const broker = natsBroker({ servers: server.url, ...options });
    brokers.push(broker);
    await broker.connect();
    return broker;
  }

  async function listen(broker: Broker, topic: string): Promise<{ topic: string; message: BrokerMessage }[]> {
    const got: { topic: string; message: BrokerMessage }[] = [];
    await broker.subscribe(topic, ({ topic: from, message: one }) => got.push({ topic: from, message: one }));
    return got;
  }

  test('a message is on the wire as go-micro writes it, under its topic, and with Micro-Topic', async () => {
    const seen: [string, string][] = [];
    raw.subscribe('wire.topic', {
      callback: (_, { subject, data }) => seen.push([subject, Buffer.from(data).toString()]),
    });
    await raw.flush();
    const broker = await connected();
    const header = { 'Micro-Topic': 'overwritten', 'Micro-Id': 'f0c1', 'Content-Type': 'application/json' };
    await broker.publish('wire.topic', { header, body: Buffer.from('{"id":1}\n') });
    await eventually(() =>
      assert.deepEqual(seen, [
        [
          'wire.topic',
          '{"Header":{"Content-Type":"application/json","Micro-Id":"f0c1","Micro-Topic":"wire.topic"},"Body":"eyJpZCI6MX0K"}',
        ],
      ]),
    );
  });

  test('what Go leaves out or writes in another case is read, and what is no message is told once and left out', async () => {
    const failures: BrokerFailure[] = [];
    const broker = await connected({ onError: (failure) => failures.push(failure) });
    const got = await listen(broker, 'go.topic');
    for (const text of [
      '{"Header":null,"Body":null}',
      'no json',
      '[]',
      'null',
      '{"Header":{"a":1},"Body":""}',
      '{"Header":{},"Body":"?"}',
      '',
      '{"header":{"__proto__":"x","content-type":"y"},"BODY":"eHl6","Other":[1]}',
      '{}',
    ]) {
      raw.publish('go.topic', Buffer.from(text));
    }
    await eventually(() => assert.equal(got.length, 3));
    assert.deepEqual(
      got.map(({ message: { header, body } }) => [Object.entries(header), Buffer.from(body).toString()]),
      [
        [[], ''],
        [
          [
            ['__proto__', 'x'],
            ['content-type', 'y'],
          ],
          'xyz',
        ],
        [[], ''],
      ],
    );
    assert.equal(failures.length, 6);
    assert.ok(failures.every(({ error, willRepeat }) => error.code === CODE.badRequest && !willRepeat));
    assert.equal(Buffer.from(failures[0]?.message.body ?? []).toString(), 'no json');
  });

  test('a flood of rubbish is a line each second at most, without a function that is told', async () => {
    const logger = logBook();
    const broker = await connected({ logger });
    const got = await listen(broker, 'rubbish.topic');
    for (let index = 0; index < 1_000; index += 1) raw.publish('rubbish.topic', Buffer.from('{'));
    await raw.flush();
    await broker.publish('rubbish.topic', message('good'));
    await eventually(() => assert.equal(got.length, 1));
    const lines = logger.lines.filter((line) => line.includes('an event of rubbish.topic is lost'));
    assert.ok(lines.length >= 1 && lines.length <= 3, `${lines.length} lines`);
  });

  test('a subscription with wildcards gets what it stands for, under its own topic', async () => {
    const broker = await connected();
    const [one, all] = [await listen(broker, 'wild.*.made'), await listen(broker, 'wild.>')];
    await broker.publish('wild.a.made', message('1'));
    await broker.publish('wild.a.b.made', message('2'));
    await eventually(() =>
      assert.deepEqual(
        all.map(({ topic }) => topic),
        ['wild.a.made', 'wild.a.b.made'],
      ),
    );
    assert.deepEqual(
      one.map(({ topic }) => topic),
      ['wild.a.made'],
    );
  });

  test('topics and queues that NATS cannot carry, or keeps for itself, are refused with 400', async () => {
    const broker = await connected();
    for (const topic of [
      'a b',
      ' a',
      'a\tb',
      '.a',
      'a.',
      'a..b',
      '*',
      'a.*',
      'a.>',
      '>',
      '$JS.API.STREAM.PURGE.x',
      '_INBOX.x',
      'half.\ud83d',
    ]) {
      await assert.rejects(broker.publish(topic, message('')), hasCode(CODE.badRequest), topic);
    }
    for (const topic of ['a b', '.a', 'a.', 'a.>.b', '$SYS.>', '$JS.>', '_INBOX.>']) {
      await assert.rejects(
        broker.subscribe(topic, () => {}),
        hasCode(CODE.badRequest),
        topic,
      );
    }
    await assert.rejects(
      broker.subscribe('a', () => {}, { queue: 'b c' }),
      hasCode(CODE.badRequest),
    );
    await assert.rejects(
      broker.subscribe('a', () => {}, { queue: 'half\ud83d' }),
      hasCode(CODE.badRequest),
    );
  });

  test('a message that is too large for the server is refused with 413 that names its limit, and the connection stays', async () => {
    const broker = await connected();
    const got = await listen(broker, 'large.topic');
    const body = new Uint8Array(900_000);
    await assert.rejects(
      broker.publish('large.topic', { header: {}, body }),
      hasCode(CODE.tooLarge, /1048576.*three quarters/),
    );
    await broker.publish('large.topic', { header: {}, body: body.subarray(0, 700_000) });
    await eventually(() => assert.equal(got.length, 1));
  });

  test('without a server the outbox fills to its limit, and then refuses with 503 that names the server', async () => {
    await using dying = await startNats();
    const logger = logBook();
    const outbox = { maxMessages: 5 };
    const broker = natsBroker({ servers: dying.url, outbox, logger, publishTimeoutMs: 20_000 });
    await broker.connect();
    const got = await listen(broker, 'outbox.topic');
    await dying.kill();
    await eventually(() => assert.ok(logger.lines.some((line) => line.startsWith('warn lost'))));
    const waiting = [1, 2, 3, 4, 5].map((n) => broker.publish('outbox.topic', message(String(n))));
    const refused = hasCode(CODE.unavailable, new RegExp(`limit.* no NATS server: ${dying.address} \\(`));
    await assert.rejects(broker.publish('outbox.topic', message('6')), refused);
    await dying.start();
    await Promise.all(waiting);
    await eventually(() =>
      assert.deepEqual(
        got.map(({ message: { body } }) => Buffer.from(body).toString()),
        ['1', '2', '3', '4', '5'],
      ),
    );
    await broker.disconnect();
  });

  test('a server that does not confirm fills the outbox too, which then refuses with 429, by bytes as by messages', async () => {
    await using hung = await startNats();
    const broker = natsBroker({
      servers: hung.url,
      outbox: { maxMessages: 3, maxBytes: 1_000 },
      publishTimeoutMs: 500,
      pingIntervalMs: 0,
      flushMs: 100,
    });
    await broker.connect();
    hung.freeze();
    const late = [1, 2, 3].map((n) => broker.publish('a', message(String(n))));
    await assert.rejects(broker.publish('a', message('4')), hasCode(CODE.tooManyRequests, /limit/));
    for (const one of await Promise.allSettled(late)) {
      assert.ok(one.status === 'rejected' && hasCode(CODE.timeout, new RegExp(`${hung.address}$`))(one.reason));
    }
    const large = broker.publish('a', message('x'.repeat(700)));
    await assert.rejects(broker.publish('a', message('y')), hasCode(CODE.tooManyRequests));
    await assert.rejects(large, hasCode(CODE.timeout));
    await broker.disconnect();
  });

  test('a server that hangs while megabytes are on their way to it is left all the same', async () => {
    await using hung = await startNats();
    const logger = logBook();
    // Once it is back it has two intervals for all of them: whoever asks sooner, on a busy machine, leaves it again and again.
    const broker = natsBroker({
      servers: hung.url,
      pingIntervalMs: 1_000,
      publishTimeoutMs: 20_000,
      flushMs: 0,
      logger,
    });
    await broker.connect();
    hung.freeze();
    const body = new Uint8Array(700_000);
    const published = Array.from({ length: 40 }, () => broker.publish('a', { header: {}, body }));
    await eventually(() => assert.ok(logger.lines.some((line) => line.startsWith('warn lost'))), { timeoutMs: 15_000 });
    hung.thaw();
    await Promise.all(published);
    await broker.disconnect();
  });

  test('a logger and an onError that throw stop neither a connection nor a subscription', async () => {
    const fail = (): never => {
      throw new Error('the disk is full');
    };
    const logger = { ...logBook(), log: fail };
    const broker = await connected({ logger, onError: fail, maxDeliveries: 2, backoff: () => 1 });
    const got: string[] = [];
    await broker.subscribe('throwing.topic', ({ message: { body } }) => {
      const text = Buffer.from(body).toString();
      const isFirst = !got.includes(text);
      got.push(text);
      if (isFirst) fail();
    });
    for (const body of ['1', '2', '3']) await broker.publish('throwing.topic', message(body));
    await eventually(() => assert.deepEqual([...got].sort(), ['1', '1', '2', '2', '3', '3']));
  });

  test('without confirm a publication does not wait for the server, and what is lost is told', async () => {
    await using dying = await startNats();
    const failures: BrokerFailure[] = [];
    const onError = (failure: BrokerFailure): void => void failures.push(failure);
    const broker = natsBroker({ servers: dying.url, confirm: false, publishTimeoutMs: 300, onError });
    await broker.connect();
    await dying.kill();
    await broker.publish('unconfirmed.topic', message('lost'));
    await eventually(() => assert.equal(failures.length, 1));
    assert.equal(failures[0]?.topic, 'unconfirmed.topic');
    assert.equal(Buffer.from(failures[0]?.message.body ?? []).toString(), 'lost');
    await broker.disconnect();
  });

  test('a publication that is cancelled while it waits ends at once with 499', async () => {
    await using dying = await startNats();
    const broker = natsBroker({ servers: dying.url, publishTimeoutMs: 20_000, flushMs: 0 });
    await broker.connect();
    await dying.kill();
    const controller = new AbortController();
    const published = broker.publish('a', message('a'), { signal: controller.signal });
    controller.abort();
    await assert.rejects(published, hasCode(CODE.cancelled));
    await broker.disconnect();
  });

  test('connecting to nobody, to a server that hangs, and to something else fails in time and names it', async () => {
    await using hung = await startNats();
    hung.freeze();
    const other = createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    for (const [servers, reason] of [
      ['127.0.0.1:1', /127\.0\.0\.1:1 .*ECONNREFUSED/],
      [hung.url, /did not answer/],
      [`127.0.0.1:${port}`, /is no NATS server: it says "HTTP/],
      ['nats://no.such.host.invalid', /no\.such\.host\.invalid:4222/],
    ] as const) {
      const broker = natsBroker({ servers, connectTimeoutMs: 1_500, dialTimeoutMs: 1_000 });
      const begun = performance.now();
      await assert.rejects(broker.connect(), hasCode(CODE.unavailable, reason));
      assert.ok(performance.now() - begun < 5_000);
      await broker.disconnect();
    }
    await new Promise((resolve) => other.close(resolve));
  });

  test('a server that tells of others in a way that nobody understands is used all the same', async () => {
    const info = { server_id: 'x', version: '2.9.0', max_payload: 1_000_000, headers: true, connect_urls: 5 };
    const odd = createServer((socket) => {
      socket.on('error', () => {});
      socket.write(`INFO ${JSON.stringify(info)}\r\n`);
      socket.on('data', (data) => socket.write('PONG\r\n'.repeat(String(data).match(/PING\r\n/g)?.length ?? 0)));
    });
    await new Promise<void>((resolve) => odd.listen(0, '127.0.0.1', resolve));
    const { port } = odd.address() as { port: number };
    const broker = natsBroker({ servers: `127.0.0.1:${port}`, connectTimeoutMs: 2_000 });
    await broker.connect();
    await broker.publish('a', message('x'));
    await broker.disconnect();
    await new Promise((resolve) => odd.close(resolve));
  });

  test('a broker that looks for its server for ever can be disconnected all the same', async () => {
    const broker = natsBroker({ servers: '127.0.0.1:1', connectTimeoutMs: 0 });
    const connecting = assert.rejects(broker.connect(), hasCode(CODE.cancelled));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await broker.disconnect();
    await connecting;
  });

  test('a broker that is disconnected in the moment it connects, and while a server is silent, ends at once', async () => {
    await using hung = await startNats();
    hung.freeze();
    for (const [servers, waitMs] of [
      ['127.0.0.1:1', 0],
      [hung.url, 0],
      [hung.url, 300],
    ] as const) {
      const broker = natsBroker({ servers, connectTimeoutMs: 0, dialTimeoutMs: 0 });
      const begun = performance.now();
      const connecting = assert.rejects(broker.connect(), hasCode(CODE.cancelled));
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      await broker.disconnect();
      await connecting;
      assert.ok(performance.now() - begun < 5_000);
    }
    // What was given up is not what is asked for next.
    hung.thaw();
    const broker = natsBroker({ servers: hung.url });
    const given = assert.rejects(broker.connect(), hasCode(CODE.cancelled));
    const ended = broker.disconnect();
    await Promise.all([given, ended, broker.connect()]);
    await broker.publish('after.all', message('a'));
    await broker.disconnect();
  });

  test('a duration that no timer can wait for is none, and not the shortest', async () => {
    const years = 10 ** 12;
    const broker = await connected({
      connectTimeoutMs: years,
      dialTimeoutMs: years,
      pingIntervalMs: years,
      publishTimeoutMs: years,
      ackTimeoutMs: years,
      drainMs: years,
      flushMs: years,
    });
    let handled = 0;
    await broker.subscribe('slow', async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      handled += 1;
    });
    await broker.publish('slow', message('a'));
    await broker.disconnect();
    assert.equal(handled, 1);
  });

  test('a subscriber that is too slow for what comes loses events past its limit, is told, and goes on', async () => {
    const failures: BrokerFailure[] = [];
    const broker = await connected({ maxWaiting: 10, onError: (failure) => failures.push(failure) });
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const got: string[] = [];
    await broker.subscribe('slow.topic', async ({ message: { body } }) => {
      got.push(Buffer.from(body).toString());
      await gate;
    });
    const publisher = await connected();
    for (let index = 0; index < 30; index += 1) await publisher.publish('slow.topic', message(String(index)));
    await eventually(() => assert.equal(failures.length, 19));
    assert.ok(failures.every(({ error, willRepeat }) => error.code === CODE.tooManyRequests && !willRepeat));
    open();
    await eventually(() => assert.equal(got.length, 11));
    await publisher.publish('slow.topic', message('after'));
    await eventually(() => assert.equal(got.at(-1), 'after'));
  });

  test('a handler that always fails gets its event maxDeliveries times, and one whose message is at fault once', async () => {
    const failures: BrokerFailure[] = [];
    const broker = await connected({
      maxDeliveries: 3,
      backoff: () => 5,
      onError: (failure) => failures.push(failure),
    });
    await broker.subscribe('failing.topic', ({ message: { body } }) => {
      throw Buffer.from(body).toString() === 'bad'
        ? new MicroError({ code: CODE.badRequest, detail: 'no' })
        : new Error('always');
    });
    await broker.publish('failing.topic', message('good'));
    await eventually(() => assert.equal(failures.length, 3));
    assert.deepEqual(
      failures.map(({ deliveries, willRepeat }) => [deliveries, willRepeat]),
      [
        [1, true],
        [2, true],
        [3, false],
      ],
    );
    await broker.publish('failing.topic', message('bad'));
    await eventually(() => assert.equal(failures.length, 4));
    assert.equal(failures[3]?.willRepeat, false);
  });

  test('a handler that hangs is failed after ackTimeoutMs, and disconnecting returns all the same', async () => {
    const failures: BrokerFailure[] = [];
    const logger = logBook();
    const broker = natsBroker({
      servers: server.url,
      ackTimeoutMs: 50,
      maxDeliveries: 1,
      drainMs: 200,
      logger,
      onError: (failure) => failures.push(failure),
    });
    await broker.connect();
    await broker.subscribe('hanging.topic', () => new Promise(() => {}));
    await broker.publish('hanging.topic', message('a'));
    await eventually(() => assert.equal(failures[0]?.error.code, CODE.timeout));
    await broker.disconnect();
    assert.ok(
      logger.lines.includes('warn 1 handlers of hanging.topic did not return within 200 ms'),
      logger.lines.join(),
    );
  });

  test('what waits for a handler is handled before the broker is disconnected', async () => {
    const broker = await connected();
    const got: string[] = [];
    await broker.subscribe('draining.topic', async ({ message: { body } }) => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      got.push(Buffer.from(body).toString());
    });
    const publisher = await connected();
    await Promise.all(Array.from({ length: 50 }, (_, n) => publisher.publish('draining.topic', message(String(n)))));
    await broker.disconnect();
    assert.equal(got.length, 50);
  });

  test('a connection that was given is not closed, and its subscriptions are ended', async () => {
    const broker = natsBroker({ connection: raw });
    await broker.connect();
    assert.equal(broker.address, server.address);
    const got = await listen(broker, 'given.topic');
    await broker.publish('given.topic', message('a'));
    await eventually(() => assert.equal(got.length, 1));
    await broker.disconnect();
    assert.equal(raw.isClosed(), false);
    raw.publish('given.topic', Buffer.from('{}'));
    await raw.flush();
    assert.equal(got.length, 1);
    assert.throws(() => natsBroker({ connection: raw, servers: 'a' }), hasCode(CODE.badRequest));
  });

  test('after disconnecting nothing of the broker is left open, also when its server is gone', async () => {
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    await using dying = await startNats();
    let before = sockets();
    await eventually(async () => {
      const last = before;
      await new Promise((resolve) => setTimeout(resolve, 100));
      before = sockets();
      assert.equal(before, last);
    });
    const broker = natsBroker({ servers: dying.url, dialTimeoutMs: 200, pingIntervalMs: 100, flushMs: 100 });
    await broker.connect();
    assert.ok(sockets() > before);
    dying.freeze();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await broker.disconnect();
    await eventually(() => assert.equal(sockets(), before));
  });

  test('the manifest makes a broker from --broker_address, with JetStream when it says so', async () => {
    assert.deepEqual([plugin.api, plugin.kind, plugin.name], [1, 'broker', 'nats']);
    const broker = await plugin.create({ broker_address: ['127.0.0.1:1', server.address] }, {});
    await broker.connect();
    assert.equal(broker.address, server.address);
    await broker.disconnect();
    const kept = await plugin.create({ broker_address: [`${server.url}?jetstream`] }, {});
    await assert.rejects(kept.connect(), hasCode(CODE.unavailable, /no JetStream/));
    assert.throws(
      () => plugin.create({ broker_address: ['http://a'] }, {}),
      hasCode(CODE.badRequest, /http:\/\/ is not spoken/),
    );
    assert.throws(() => plugin.create({ broker_address: ['a?other=1'] }, {}), hasCode(CODE.badRequest));
  });
});

describe.skipIf(missing !== undefined)(`who may connect${skipped}`, () => {
  let folder: string;
  let server: TestServer;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'broker-nats-'));
    writeFileSync(join(folder, 'nats.conf'), CONFIG);
    server = await startNats({ args: ['-c', join(folder, 'nats.conf')] });
  });

  afterAll(async () => {
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const works = async (options: NatsBrokerOptions): Promise<void> => {
    const broker = natsBroker(options);
    await broker.connect();
    await broker.publish('may.topic', message('a'));
    await broker.disconnect();
  };

  test('user and password come from the options or a URL, and wrong ones are a 401 at once that shows neither', async () => {
    await works({ servers: server.address, user: 'all', password: 'p@ss/word' });
    await works({ servers: `nats://all:p%40ss%2Fword@${server.address}` });
    for (const options of [
      { servers: `nats://all:secret@${server.address}` },
      { servers: server.address, user: 'all', password: 'secret' },
      { servers: server.address },
    ]) {
      const logger = logBook();
      const broker = natsBroker({ ...options, logger });
      await assert.rejects(broker.connect(), (error: unknown) => {
        assert.ok(hasCode(CODE.unauthorized, new RegExp(server.address))(error));
        assert.ok(!String(error).includes('secret') && !logger.lines.join().includes('secret'), String(error));
        return true;
      });
    }
  });

  test('an nkey comes from its seed, and a file of credentials that cannot be read is named', async () => {
    await works({ servers: server.address, nkey: Buffer.from(nkey.getSeed()).toString() });
    const broker = natsBroker({ servers: server.address, credentialsFile: '/no/such.creds' });
    await assert.rejects(broker.connect(), hasCode(CODE.badRequest, /\/no\/such\.creds/));
  });

  test('a topic that the server does not allow is a 403, for who publishes and who subscribes', async () => {
    const broker = natsBroker({ servers: server.address, user: 'some', password: 'some' });
    await broker.connect();
    await Promise.all([
      broker.publish('may.topic', message('a')),
      assert.rejects(broker.publish('must.not', message('a')), hasCode(CODE.forbidden, /must\.not/)),
      broker.publish('may.other', message('a')),
    ]);
    await assert.rejects(
      broker.subscribe('must.not', () => {}),
      hasCode(CODE.forbidden, /must\.not/),
    );
    await broker.disconnect();
  });

  test('a token comes from the options or a URL', async () => {
    await using tokens = await startNats({ token: 's3cret' });
    await works({ servers: tokens.address, token: 's3cret' });
    await works({ servers: `nats://s3cret@${tokens.address}` });
    await assert.rejects(natsBroker({ servers: tokens.address }).connect(), hasCode(CODE.unauthorized));
  });

  test('settings that make no sense are refused when the broker is made, without a password in the text', () => {
    for (const options of [
      { servers: '' },
      { servers: 'ws://a' },
      { servers: 'nats://u:secret@a:x' },
      { servers: 'nats://u:secret@a/path' },
      { servers: 'nats://u:%zz@a' },
      { servers: 'nats://u:secret,more@a' },
      { servers: 'a:1,nats://u:secret,secret,more@a' },
      { nkey: 'SUsecret' },
      { connectTimeoutMs: -1 },
      { maxDeliveries: Number.NaN },
      { flushMs: -5 },
      { outbox: { maxBytes: -1 } },
      { jetStream: { ackWaitMs: Number.NaN } },
      { jetStream: { maxAgeMs: -1 } },
      { jetStream: { storage: 'tape' as 'file' } },
      { user: 'a', password: 'b', token: 'secret' },
      { password: 'secret' },
      { tls: { caFile: '/no/such/file' } },
      { jetStream: { stream: 'a.b' } },
      { jetStream: { deadLetter: 'a b' } },
    ]) {
      assert.throws(
        () => natsBroker(options),
        (error: unknown) => hasCode(CODE.badRequest)(error) && !String(error).includes('secret'),
        JSON.stringify(options),
      );
    }
  });
});

describe.skipIf(missing !== undefined)(`TLS${skipped}`, () => {
  const { caFile, clientCertFile, clientKeyFile } = testCertificates();

  test('the certificate of the server is verified, for an address as for a name', async () => {
    await using server = await startNats({ tls: true });
    for (const host of ['127.0.0.1', 'localhost']) {
      const broker = natsBroker({ servers: `tls://${host}:${server.port}`, tls: { caFile } });
      await broker.connect();
      await broker.publish('tls.topic', message('a'));
      await broker.disconnect();
    }
    const servers = server.address;
    const quick = { servers, connectTimeoutMs: 500 };
    await assert.rejects(natsBroker({ ...quick, tls: {} }).connect(), hasCode(CODE.unavailable, /certificate/));
    const misnamed = { ...quick, tls: { caFile, serverName: 'other.example' } };
    await assert.rejects(natsBroker(misnamed).connect(), hasCode(CODE.unavailable, /other\.example/));
    await assert.rejects(natsBroker({ servers }).connect(), hasCode(CODE.badRequest, /speaks TLS only/));
    const careless = natsBroker({ servers, tls: { insecure: true } });
    await careless.connect();
    await careless.disconnect();
  });

  test('a server that wants a certificate gets ours', async () => {
    await using server = await startNats({ tls: 'mutual' });
    const broker = natsBroker({
      servers: server.address,
      tls: { caFile, certFile: clientCertFile, keyFile: clientKeyFile },
    });
    await broker.connect();
    await broker.publish('tls.topic', message('a'));
    await broker.disconnect();
    const without = natsBroker({ servers: server.address, tls: { caFile }, connectTimeoutMs: 500 });
    await assert.rejects(without.connect(), hasCode(CODE.unavailable));
  });

  test('TLS that is asked for is not left out because the server has none', async () => {
    await using server = await startNats();
    const broker = natsBroker({ servers: `tls://${server.address}` });
    await assert.rejects(broker.connect(), hasCode(CODE.badRequest, /does not speak TLS/));
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
