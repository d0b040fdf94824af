import { createEvent, initService, silentLogger } from '@micro/core';
import { startEtcd, startNats, startRedis, type TestServer } from '@micro/test-servers';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { startGoService } from '../src/go-service.ts';
import { eventually } from './eventually.ts';
import { CallRequestSchema, Helloworld } from './gen/helloworld_pb.ts';
import { cleanup, need } from './real-servers.ts';
import { rsaKey } from './rsa-key.ts';

const binary = inject('goBinary');
const { skip, why } = need(binary, 'etcd', 'nats', 'redis');

describe.skipIf(skip)(`a service of Go and one of ours that are given the same MICRO_* variables${why}`, () => {
  let etcd: TestServer;
  let nats: TestServer;
  let redis: TestServer;
  const { add, run } = cleanup();

  beforeAll(async () => {
    [etcd, nats, redis] = await Promise.all([startEtcd(), startNats(), startRedis()]);
  });
  afterEach(run);
  afterAll(() => Promise.all([etcd, nats, redis].map((server) => server.close())));

  test.each(['http', 'grpc'])('find, call and tell each other things, over %s', async (transport) => {
    const key = rsaKey();
    const env = {
      MICRO_SERVER_ADDRESS: '127.0.0.1:0',
      MICRO_REGISTRY: 'etcd',
      MICRO_REGISTRY_ADDRESS: etcd.address,
      MICRO_TRANSPORT: transport,
      MICRO_BROKER: 'nats',
      MICRO_BROKER_ADDRESS: nats.address,
      MICRO_STORE: 'redis',
      MICRO_STORE_ADDRESS: redis.url,
      MICRO_AUTH: 'jwt',
      MICRO_AUTH_PUBLIC_KEY: key.publicBase64,
      MICRO_AUTH_PRIVATE_KEY: key.privateBase64,
    };
    const topic = `users.${transport}`;
    const go = await startGoService({ binary, env, name: `go.${transport}`, subscribe: { [topic]: '' } });
    add(() => go.close());
    const options = { name: `us.${transport}`, logger: silentLogger(), handleSignals: false };
    const ours = await initService(options, { argv: [], env });
    add(() => ours.stop());
    const heard: string[] = [];
    ours.server.handle('Greeter', { hello: ({ name }: { readonly name: string }) => ({ msg: `Hi ${name}` }) });
    ours.server.subscribe(topic, ({ name }) => void heard.push(name), { message: CallRequestSchema });
    await ours.start();

    expect(await ours.client.of(Helloworld, `go.${transport}`).call({ name: 'Go' })).toMatchObject({ msg: 'Hello Go' });
    expect(await go.call(`us.${transport}`, 'Greeter.Hello', { name: 'you' })).toEqual({ msg: 'Hi you' });

    await createEvent(ours.client, topic, { message: CallRequestSchema }).publish({ name: 'from us' });
    await go.emit(topic, { message: { name: 'from Go' }, as: 'call' });
    await eventually(async () => (heard.length >= 2 && go.events.length >= 2 ? true : undefined));
    expect(heard.toSorted()).toEqual(['from Go', 'from us']);
    expect(go.events.map(({ name }) => name).toSorted()).toEqual(['from Go', 'from us']);

    const [record] = await ours.components.registry.getService(`go.${transport}`);
    const said = { protocol: 'mucp', transport, broker: 'nats', registry: 'etcd' };
    expect(record?.nodes[0]?.metadata).toMatchObject(said);
    const [own] = await ours.components.registry.getService(`us.${transport}`);
    expect(own?.nodes[0]?.metadata).toMatchObject(said);
  });
});
