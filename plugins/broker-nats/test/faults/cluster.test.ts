import assert from 'node:assert/strict';
import { eventually } from '@micro/core/conformance';
import { missingServer, startNats, startNatsCluster } from '@micro/test-servers';
import { connect } from 'nats';
import { describe, test } from 'vitest';
import { natsBroker } from '../../src/index.ts';
import { logBook, message, missingFrom, startTraffic, transitions } from '../traffic.ts';

const missing = missingServer('nats');
const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;

function measured(what: string, ms: number): void {
  if (process.env.MEASURE !== undefined) console.log(`${what}: ${Math.round(ms)} ms`);
}

describe.skipIf(missing !== undefined).concurrent(`several servers${skipped}`, () => {
  test('the loss of the server that leads a stream of three loses no event that was accepted', async () => {
    await using cluster = await startNatsCluster({ jetStream: true });
    const options = { servers: cluster.urls, jetStream: { replicas: 3, ackWaitMs: 5_000 }, connectTimeoutMs: 20_000 };
    const traffic = await startTraffic(options);
    const admin = await connect({ servers: [...cluster.urls] });
    const manager = await admin.jetstreamManager();
    const name = (await manager.streams.find('load.test')) ?? '';
    const { cluster: facts } = await manager.streams.info(name);
    await admin.close();
    const leader = cluster.servers[Number(facts?.leader?.slice(1))];
    assert.ok(leader !== undefined, `n0 to n2, not ${facts?.leader}`);
    await leader.kill();
    measured('leader of three killed', await traffic.flows(60_000));
    await leader.start();
    await traffic.flows(30_000);
    await traffic.settle();
    for (const got of [traffic.inQueue, traffic.byEverybody]) {
      await eventually(() => assert.deepEqual(missingFrom(got, traffic.accepted), []), { timeoutMs: 40_000 });
    }
    for (const { error } of traffic.failed) assert.match(error.detail, /127\.0\.0\.1:\d+/);
    await traffic.close();
  }, 180_000);

  test('a broker that knows one server of a system goes on at another one when that is killed', async () => {
    await using cluster = await startNatsCluster();
    const [first] = cluster.servers;
    assert.ok(first !== undefined);
    const traffic = await startTraffic({ servers: first.url });
    await first.kill();
    measured('server of a system killed', await traffic.flows(20_000));
    for (const log of [traffic.publisherLog, traffic.subscriberLog]) {
      assert.deepEqual(transitions(log), ['lost', 'back'], log.lines.join('\n'));
    }
    assert.deepEqual(traffic.failed, []);
    assert.notEqual(traffic.publisher.address, first.address);
    await traffic.close();
  }, 60_000);

  test('a server of a system that hangs is left for another one before a publication is given up', async () => {
    await using cluster = await startNatsCluster();
    const [first] = cluster.servers;
    assert.ok(first !== undefined);
    const traffic = await startTraffic({ servers: first.url, publishTimeoutMs: 15_000 });
    first.freeze();
    measured('server of a system hangs', await traffic.flows(20_000));
    assert.deepEqual(traffic.failed, []);
    first.thaw();
    await traffic.close();
  }, 60_000);

  test('a stream that has no place while a server is away is made when that is back', async () => {
    await using cluster = await startNatsCluster({ jetStream: true });
    const [away] = await cluster.followers();
    assert.ok(away !== undefined);
    await away.stop();
    const log = logBook();
    const limits = { connectTimeoutMs: 60_000, publishTimeoutMs: 20_000 };
    const broker = natsBroker({ servers: cluster.urls, jetStream: { replicas: 3 }, logger: log, ...limits });
    await broker.connect();
    const got: string[] = [];
    const subscribed = broker.subscribe('away.topic', ({ message: { body } }) =>
      got.push(Buffer.from(body).toString()),
    );
    const waits = (): boolean => log.lines.some((line) => line.includes('no suitable peers'));
    await Promise.race([subscribed, eventually(() => assert.ok(waits()), { timeoutMs: 30_000 })]);
    assert.ok(waits(), log.lines.join());
    await away.start();
    await subscribed;
    await broker.publish('away.topic', message('1'));
    await eventually(() => assert.deepEqual(got, ['1']), { timeoutMs: 20_000 });
    await broker.disconnect();
  }, 120_000);

  test('of several servers the ones that are not there are passed over', async () => {
    await using server = await startNats();
    const broker = natsBroker({ servers: `nats://127.0.0.1:1,${server.url}` });
    await broker.connect();
    assert.equal(broker.address, server.address);
    await broker.disconnect();
  });
});

describe.skipIf(missing !== undefined).concurrent(`a server that was wiped${skipped}`, () => {
  test('gets its streams and consumers back, and every event that is accepted after that is handled', async () => {
    await using server = await startNats({ jetStream: true });
    // A server that begins with nothing, and its stream, are there late on a busy machine.
    const options = { servers: server.url, jetStream: true, publishTimeoutMs: 20_000 };
    const log = logBook();
    const [publisher, subscriber] = [natsBroker(options), natsBroker({ ...options, logger: log })];
    await Promise.all([publisher.connect(), subscriber.connect()]);
    const got: string[][] = [[], []];
    for (const [index, queue] of ['all', undefined].entries()) {
      await subscriber.subscribe(
        'wiped.topic',
        ({ message: { body } }) => got[index]?.push(Buffer.from(body).toString()),
        {
          queue,
        },
      );
    }
    await publisher.publish('wiped.topic', message('before'));
    await eventually(() => assert.deepEqual(got, [['before'], ['before']]));
    await server.restart({ wipe: true });
    const accepted: string[] = [];
    for (let index = 0; index < 50; index += 1) {
      await publisher.publish('wiped.topic', message(String(index)));
      accepted.push(String(index));
    }
    for (const bodies of got)
      await eventually(() => assert.deepEqual(missingFrom(bodies, accepted), []), { timeoutMs: 15_000 });
    assert.equal(log.lines.filter((line) => line.includes('was made anew')).length, 2, log.lines.join('\n'));
    await Promise.all([publisher.disconnect(), subscriber.disconnect()]);
  }, 60_000);

  test('a consumer or a stream that somebody removes is made anew while the connection stands', async () => {
    await using server = await startNats({ jetStream: true });
    const broker = natsBroker({ servers: server.url, jetStream: true });
    await broker.connect();
    const got: string[] = [];
    await broker.subscribe('removed.topic', ({ message: { body } }) => got.push(Buffer.from(body).toString()), {
      queue: 'q',
    });
    await broker.publish('removed.topic', message('1'));
    await eventually(() => assert.deepEqual(got, ['1']));
    const admin = await connect({ servers: server.address });
    const manager = await admin.jetstreamManager();
    const stream = await manager.streams.find('removed.topic');
    const [consumer] = await manager.consumers.list(stream).next();
    await manager.consumers.delete(stream, consumer?.name ?? '');
    await broker.publish('removed.topic', message('2'));
    await eventually(() => assert.deepEqual(got, ['1', '2']), { timeoutMs: 15_000 });
    await manager.streams.delete(stream);
    await broker.publish('removed.topic', message('3'));
    await eventually(() => assert.deepEqual(got, ['1', '2', '3']), { timeoutMs: 15_000 });
    await admin.close();
    await broker.disconnect();
  }, 60_000);
});
