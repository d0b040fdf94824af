import type { BrokerFailure, Service } from '@micro/core';
import { httpBroker, memoryRegistry, silentLogger } from '@micro/core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { startGoBroker } from '../src/go-broker.ts';
import type { GoClient } from '../src/go-client.ts';
import { startGoClient } from '../src/go-client.ts';
import type { GoServer } from '../src/go-server.ts';
import { startGoServer } from '../src/go-server.ts';
import { startPlayer } from '../src/player.ts';
import { eventually } from './eventually.ts';
import { readFixture } from './fixture.ts';
import { TOPIC } from './fixture-events.ts';
import { Helloworld } from './gen/helloworld_pb.ts';
import { startPeer } from './mdns-peer.ts';
import { ourCaller, startOurService } from './our-service.ts';
import { sharedNamespace } from './shared-namespace.ts';

// What `docs/wire.md` says of go-micro v4.9.0 under "What Go cannot do". A test here that fails may be good news.

const binary = inject('goBinary');
const OCTETS = 'application/octet-stream';

describe.skipIf(binary === '')('what go-micro v4.9.0 cannot do', () => {
  let server: GoServer;
  let client: GoClient;
  let caller: Service;
  let ours: Awaited<ReturnType<typeof startOurService>>;
  let oddRuns = 0;
  const closing: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    server = await startGoServer({ binary });
    client = await startGoClient({ binary });
    caller = ourCaller(server.address, { protocol: 'mucp' });
    ours = await startOurService();
    ours.service.server.handle('Odd', {
      extra() {
        oddRuns++;
        return { msg: 'Hello', more: 1 };
      },
    });
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  afterAll(async () => {
    await caller.stop();
    await ours.service.stop();
    await client.close();
    await server.close();
  });

  test('a Go client has no half-close: a client stream needs a mark of its own for the end', async () => {
    const { address } = ours;
    const bodies = [{ stroke: 3 }];
    const call = { address, endpoint: 'Helloworld.ClientStream', kind: 'client', bodies, closeSend: true } as const;
    const { errors, replies } = await client.call(call);
    expect(errors[0]?.error.text).toBe('streamer not implemented');
    expect(replies).toEqual([]);
  });

  test('a Go handler that sends without pauses sends some of its messages several times and others never', async () => {
    const counts = Array.from({ length: 20 }, (_, i) => i);
    const streamed = async (): Promise<unknown[]> => {
      const stream = caller.client.stream({ service: 'helloworld', endpoint: 'Plain.Quick' }, { timeoutMs: 5_000 });
      await stream.send({ count: counts.length });
      const received: unknown[] = [];
      for await (const message of stream) received.push((message as { readonly count?: number }).count ?? 0);
      return received;
    };
    // A race, so that it may go well now and then, but not for long.
    await eventually(async () => {
      const received = await streamed();
      return received.join() === counts.join() ? undefined : true;
    });
  });

  test('a Go server takes the message that opens a stream with the grpc prefix for the first of its messages; ours does not', async () => {
    const contentType = 'application/grpc+proto';
    const received: bigint[] = [];
    const options = { contentType, timeoutMs: 5_000 };
    for await (const { count } of caller.client.of(Helloworld, 'helloworld').serverStream({ count: 3n }, options)) {
      received.push(count);
    }
    expect(received).not.toEqual([0n, 1n, 2n]);
    const call = { endpoint: 'Helloworld.ServerStream', kind: 'server', contentType, body: { count: 3 } } as const;
    const here = await client.call({ ...call, address: ours.address });
    expect(here.replies.map(({ reply }) => reply)).toEqual([{ count: '0' }, { count: '1' }, { count: '2' }]);
  });

  test('a Go server never answers an error to octet-stream: the caller waits for its deadline', async () => {
    const call = { service: 'helloworld', endpoint: 'Raw.Nope', body: new Uint8Array([1]) };
    const options = { contentType: OCTETS, timeoutMs: 300 };
    await expect(caller.client.call(call, options)).rejects.toMatchObject({ code: 408 });
  });

  test('a Go client takes an error to octet-stream for a codec error', async () => {
    const { address } = ours;
    const call = { address, endpoint: 'Raw.Nope', as: 'frame', contentType: OCTETS, body: 'AQ==' } as const;
    const { errors } = await client.call(call);
    expect(errors[0]?.error).toMatchObject({ id: 'go.micro.client.codec', code: 500 });
  });

  test('a Go client repeats a call whose reply it cannot decode, and so the handler runs twice', async () => {
    oddRuns = 0;
    // One retry is go-micro's default.
    const call = { address: ours.address, endpoint: 'Odd.Extra', as: 'call', retries: 1 } as const;
    const { errors } = await client.call(call);
    expect(errors[0]?.error.text).toContain('unknown field');
    expect(oddRuns).toBe(2);
  });

  test('a stream whose headers name a topic, as one that is opened in a subscriber, is an event to a Go server and a stream to ours', async () => {
    const call = {
      endpoint: 'Helloworld.ServerStream',
      kind: 'server',
      body: { count: 2 },
      metadata: { 'Micro-Topic': TOPIC },
    } as const;
    const there = await client.call({ ...call, address: server.address, timeoutMs: 1_000 });
    // Each message is acknowledged as an event; the handler never runs.
    expect(there.replies.map(({ reply }) => reply)).not.toContainEqual({ count: '1' });
    const here = await client.call({ ...call, address: ours.address, timeoutMs: 20_000 });
    expect(here.errors).toEqual([]);
    expect(here.replies.map(({ reply }) => reply)).toEqual([{ count: '0' }, { count: '1' }]);
  });

  test('a Go server that stops drops the calls that run, unless it was told to wait; ours finishes them', async () => {
    const running = (from: Service) => {
      const request = { service: 'helloworld', endpoint: 'Plain.Sleep', body: { ms: 3_000, tag: 1 } };
      return from.client.call(request, { retries: 0, timeoutMs: 20_000 }).then(
        () => 'answered',
        () => 'dropped',
      );
    };
    /** Stops a server in the middle of a call. */
    const stopped = async (address: string, stop: () => Promise<unknown>): Promise<string> => {
      const from = ourCaller(address, { protocol: 'mucp' });
      closing.push(() => from.stop());
      // A call before, so that the connection stands.
      await from.client.of(Helloworld, 'helloworld').call({ name: 'Jo' });
      const call = running(from);
      await new Promise((resolve) => setTimeout(resolve, 300));
      // By then the one before has got there, too, on a busy machine as well.
      await from.client.of(Helloworld, 'helloworld').call({ name: 'Jo' });
      await stop();
      return call;
    };
    const hasty = await startGoServer({ binary, wait: false });
    closing.push(() => hasty.close());
    expect(await stopped(hasty.address, hasty.close)).toBe('dropped');
    const patient = await startGoServer({ binary, wait: true });
    closing.push(() => patient.close());
    expect(await stopped(patient.address, patient.close)).toBe('answered');
    const own = await startOurService({ server: { address: '127.0.0.1:0', settleMs: 0, drainMs: 20_000 } });
    closing.push(() => own.service.stop());
    expect(await stopped(own.address, () => own.service.stop())).toBe('answered');
  });

  test('two subscriptions of one Go process on one topic are each called for the events of the other', async () => {
    const subscriber = await startGoBroker({ binary });
    closing.push(() => subscriber.close());
    const called: string[] = [];
    await subscriber.subscribe(TOPIC, () => called.push('everybody'));
    await subscriber.subscribe(TOPIC, () => called.push('queue'), 'mail');
    const publisher = await startGoBroker({ binary });
    closing.push(() => publisher.close());
    for (const record of await subscriber.records()) await publisher.register(record);
    await publisher.publish(TOPIC, { body: Buffer.from('1') });
    await eventually(async () => (called.length >= 4 ? true : undefined));
    expect(called.sort()).toEqual(['everybody', 'everybody', 'queue', 'queue']);
  });

  test('a Go subscriber that fails does not say so: its event is not repeated, and we are not told', async () => {
    const go = await startGoServer({ binary, broker: 'http', subscribe: { [TOPIC]: '' } });
    closing.push(() => go.close());
    const registry = memoryRegistry();
    for (const record of go.subscriptions) await registry.register({ ...record, metadata: {}, endpoints: [] });
    const failures: BrokerFailure[] = [];
    const onError = (failure: BrokerFailure): void => void failures.push(failure);
    const broker = httpBroker({ registry, logger: silentLogger(), backoff: () => 10, onError });
    await broker.connect();
    closing.push(() => broker.disconnect());
    const header = { 'Content-Type': 'application/json' };
    await broker.publish(TOPIC, { header, body: Buffer.from('{"name":"fail"}') });
    await broker.publish(TOPIC, { header, body: Buffer.from('{"name":"next"}') });
    await eventually(async () => (go.events.length >= 2 ? true : undefined));
    expect(go.events.map(({ name }) => name)).toEqual(['fail', 'next']);
    expect(failures).toEqual([]);
  });

  test('a Go publisher does not read what a subscriber answers: an event that was refused is gone', async () => {
    const refusal = readFixture('broker-answers').conversations['without-topic'];
    if (refusal === undefined) throw new Error('the recording is gone');
    const player = await startPlayer(refusal);
    closing.push(() => player.close());
    const publisher = await startGoBroker({ binary });
    closing.push(() => publisher.close());
    const node = {
      id: `${TOPIC}-1`,
      address: player.address,
      metadata: { broker: 'http', secure: 'false', topic: TOPIC },
    };
    await publisher.register({ name: 'micro.http.broker', version: 'ff.http.broadcast', nodes: [node] });
    await publisher.publish(TOPIC, { body: Buffer.from('first') });
    await eventually(async () => (player.requests().length >= 1 ? true : undefined));
    await publisher.publish(TOPIC, { body: Buffer.from('second') });
    await eventually(async () => (player.requests().length >= 2 ? true : undefined));
    const bodies = player.requests().map((request) => /"Body":"([^"]*)"/.exec(request)?.[1]);
    expect(bodies.map((body) => Buffer.from(body ?? '', 'base64').toString())).toEqual(['first', 'second']);
  });

  describe('over mDNS', () => {
    const namespace = sharedNamespace();

    test('a Go client goes on calling a node that was killed; a client of ours does not', async (context) => {
      const world = namespace(context);
      const { prefix } = world;
      const [stays, dies] = [await startPeer('mortal', world), await startPeer('mortal', world)];
      closing.push(() => stays.close());
      closing.push(() => dies.close());
      const mine = await startPeer('caller', world);
      closing.push(() => mine.close());
      let goClient = await startGoClient({ binary, prefix, registry: 'mdns' });
      closing.push(() => goClient.close());
      const goCalls = () =>
        goClient.call({
          service: 'mortal',
          endpoint: 'Plain.Who',
          // One retry is go-micro's default.
          retries: 1,
          count: 100,
          concurrency: 10,
        });
      await eventually(async () => {
        const { replies } = await goCalls();
        const nodes = new Set(replies.map(({ reply }) => (reply as { readonly node: string }).node));
        if (nodes.size === 2) return true;
        await goClient.close();
        goClient = await startGoClient({ binary, prefix, registry: 'mdns' });
        return undefined;
      });
      await mine.startCalls('mortal', 4, 0);
      await eventually(async () => (Object.keys((await mine.countCalls()).nodes).length === 2 ? true : undefined));
      await mine.stopCalls();
      await dies.kill();
      // It picks at random for the retry too: one call in four fails.
      const { failed } = await goCalls();
      expect(failed).toBeGreaterThan(0);
      await mine.startCalls('mortal', 4, 0);
      await eventually(async () => ((await mine.countCalls()).calls > 200 ? true : undefined));
      expect((await mine.stopCalls()).errors).toEqual([]);
    });
  });
});
