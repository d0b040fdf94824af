import type { Registry, ServiceRecord } from '@micro/core';
import { etcdRegistry } from '@micro/registry-etcd';
import { startEtcd, startRedis, type TestServer } from '@micro/test-servers';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { type GoAuth, startGoAuth } from '../src/go-auth.ts';
import type { GoRegistry } from '../src/go-registry.ts';
import { startGoRegistry } from '../src/go-registry.ts';
import { startGoStore } from '../src/go-store.ts';
import { type EtcdKeys, etcdKeys } from './etcd-keys.ts';
import { eventually } from './eventually.ts';
import { cleanup, need } from './real-servers.ts';
import { rsaKey } from './rsa-key.ts';

// What `docs/wire.md` says of go-micro's plugins under "What Go cannot do". A test here that fails may be good news.

const binary = inject('goBinary');

const { add, run } = cleanup();
afterEach(run);

const etcdNeed = need(binary, 'etcd');
const redisNeed = need(binary, 'redis');

describe.skipIf(etcdNeed.skip)(`what go-micro's etcd registry cannot do${etcdNeed.why}`, () => {
  let etcd: TestServer;
  let keys: EtcdKeys;

  beforeAll(async () => {
    etcd = await startEtcd();
    keys = etcdKeys(etcd.url);
  });
  afterAll(() => etcd.close());

  const goRegistry = async (): Promise<GoRegistry> => {
    const registry = await startGoRegistry({ binary, registry: 'etcd', registryAddress: etcd.address });
    add(() => registry.close());
    return registry;
  };

  const ourRegistry = (): Registry => {
    const registry = etcdRegistry({ hosts: etcd.url });
    add(() => registry.close());
    return registry;
  };

  const record = (name: string, more: Partial<ServiceRecord> = {}): ServiceRecord => ({
    name,
    version: '1',
    metadata: {},
    endpoints: [],
    nodes: [{ id: `${name}-1`, address: '127.0.0.1:9', metadata: {} }],
    ...more,
  });

  const keysOf = (name: string) => keys.list(`/micro/registry/${name}/`);

  test('a Go process that registers in etcd without a ttl panics; ours writes a key without a lease', async () => {
    const registry = await goRegistry();
    await expect(registry.register(record('for-ever'))).rejects.toThrow(/nil pointer dereference/);
    expect(await keysOf('for-ever')).toEqual([]);
    await ourRegistry().register(record('for-ever'), { ttlMs: 0 });
    expect(await keysOf('for-ever')).toMatchObject([{ lease: '0' }]);
  });

  test('a Go node whose endpoints or version change does not write them while its address and metadata stay; ours does', async () => {
    const changed = record('changing', { version: '2', endpoints: [{ name: 'New.Call', metadata: {} }] });
    const registry = await goRegistry();
    await registry.register(record('changing'), 60_000);
    const before = await keysOf('changing');
    await registry.register(changed, 60_000);
    expect(await keysOf('changing')).toEqual(before);
    expect(before[0]?.value).toContain('"version":"1"');
    await registry.deregister(changed);
    const ours = ourRegistry();
    await ours.register(record('changing'), { ttlMs: 60_000 });
    await ours.register(changed, { ttlMs: 60_000 });
    expect((await keysOf('changing')).map(({ value }) => JSON.parse(value).version)).toEqual(['2']);
  });

  test('a Go node whose key was deleted does not write it again while its lease lives; ours does', async () => {
    const registry = await goRegistry();
    await registry.register(record('deleted'), 60_000);
    const [written] = await keysOf('deleted');
    await keys.remove('/micro/registry/deleted/deleted-1');
    await registry.register(record('deleted'), 60_000);
    expect(await keysOf('deleted')).toEqual([]);
    // Once the lease is over it does.
    await keys.revoke(written?.lease ?? '');
    await registry.register(record('deleted'), 60_000);
    expect(await keysOf('deleted')).toHaveLength(1);
    const ours = ourRegistry();
    await ours.register(record('deleted-here'), { ttlMs: 60_000 });
    await keys.remove('/micro/registry/deleted-here/deleted-here-1');
    await ours.register(record('deleted-here'), { ttlMs: 60_000 });
    expect(await keysOf('deleted-here')).toHaveLength(1);
  });

  test('a Go watcher tells of the first change of those that etcd tells of together; ours tells of all', async () => {
    const registry = await goRegistry();
    const told: string[] = [];
    await registry.watch((event) => {
      const { Action, Service } = event as { Action: string; Service: { nodes: { id: string }[] } };
      told.push(`${Action} ${Service.nodes[0]?.id}`);
    }, 'together');
    const here: string[] = [];
    const watch = new AbortController();
    const events = ourRegistry().watch({ service: 'together', signal: watch.signal });
    const watching = (async () => {
      for await (const { action, service } of events) here.push(`${action} ${service.nodes[0]?.id}`);
    })();
    add(async () => {
      watch.abort();
      await watching;
    });
    const node = (id: string) =>
      JSON.stringify(record('together', { nodes: [{ id, address: '127.0.0.1:9', metadata: {} }] }));
    const path = '/micro/registry/together';
    // A first change by itself shows that the watch stands.
    let n = 0;
    await eventually(async () => {
      n++;
      await keys.put({ [`${path}/probe-${n}`]: node(`probe-${n}`) });
      return told.length > 0 && here.length > 0 ? true : undefined;
    });
    await keys.put({ [`${path}/1`]: node('1'), [`${path}/2`]: node('2') });
    await keys.remove(`${path}/1`, `${path}/2`);
    await keys.put({ [`${path}/last`]: node('last') });
    await eventually(async () => (told.includes('create last') && here.includes('create last') ? true : undefined));
    const both = (all: readonly string[]) => all.filter((what) => / [12]$/.test(what));
    expect(both(told)).toEqual(['create 1', 'delete 1']);
    expect(both(here).toSorted()).toEqual(['create 1', 'create 2', 'delete 1', 'delete 2']);
  });

  test('a Go registry drops an address of etcd that is a URL, and says nothing; ours takes it', async () => {
    const registry = await startGoRegistry({ binary, registry: 'etcd', registryAddress: etcd.url });
    add(() => registry.kill());
    await keys.put({ '/micro/registry/there/there-1': JSON.stringify(record('there')) });
    expect(await ourRegistry().getService('there')).toHaveLength(1);
    // It asks the default, 127.0.0.1:2379, where somebody may live or not.
    const found = await registry.get('there').catch((error: Error) => error.message);
    expect(found).toMatch(/deadline|not found|refused/);
  });
});

describe.skipIf(redisNeed.skip)(`what go-micro's redis store cannot do${redisNeed.why}`, () => {
  let redis: TestServer;

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.close());

  const goStore = async (table: string) => {
    const store = await startGoStore({ binary, urls: [redis.url], table });
    add(() => store.close());
    return store;
  };
  const byte = Uint8Array.of(1);

  test('a limit limits neither what a Go store lists nor what it reads', async () => {
    const store = await goStore('limited/');
    for (const key of ['a', 'b', 'c']) await store.write(key, byte);
    expect((await store.list({ limit: 1 })).toSorted()).toEqual(['a', 'b', 'c']);
    expect(await store.read('', { by: 'prefix', limit: 1 })).toHaveLength(3);
  });

  test('a record that a Go store finds by its prefix has the prefix for its key', async () => {
    const store = await goStore('named/');
    await store.write('user/1', byte);
    expect((await store.read('user/', { by: 'prefix' })).map(({ key }) => key)).toEqual(['user/']);
  });

  test('what a Go store has in one table is in every table whose name is the beginning of that', async () => {
    await (await goStore('ab')).write('c', byte);
    expect(await (await goStore('a')).list({ prefix: 'b' })).toEqual(['bc']);
  });

  test('a Go store takes a * in a key for anything', async () => {
    const store = await goStore('glob/');
    for (const key of ['a*', 'ab']) await store.write(key, byte);
    expect((await store.list({ prefix: 'a*' })).toSorted()).toEqual(['a*', 'ab']);
  });
});

describe.skipIf(binary === '')("what go-micro's jwt auth cannot do", () => {
  const key = rsaKey();
  let auth: GoAuth;

  beforeAll(async () => {
    auth = await startGoAuth({ binary, publicKey: key.publicBase64, privateKey: key.privateBase64 });
  });
  afterAll(() => auth.close());

  const inAMinute = (): number => Math.floor(Date.now() / 1_000) + 60;

  test('a Go access token makes itself a new one, again and again', async () => {
    const { secret } = await auth.generate('me');
    const first = await auth.token({ account: 'me', secret });
    const second = await auth.token({ refreshToken: first.access_token, expiryMs: 120_000 });
    expect(await auth.inspect(second.access_token)).toMatchObject({ id: 'me' });
  });

  test('Go takes a token that was signed by another algorithm of the same family', async () => {
    const token = key.sign({ sub: 'me', exp: inAMinute() }, 'RS512', 'sha512');
    expect(await auth.inspect(token)).toMatchObject({ id: 'me' });
  });

  test('Go refuses a token that was issued on a clock ahead of its own', async () => {
    const iat = Math.floor(Date.now() / 1_000) + 30;
    await expect(auth.inspect(key.sign({ sub: 'me', exp: inAMinute(), iat }))).rejects.toThrow(
      'invalid token provided',
    );
    expect(await auth.inspect(key.sign({ sub: 'me', exp: inAMinute() }))).toMatchObject({ id: 'me' });
  });

  test('Go takes a token without an end', async () => {
    expect(await auth.inspect(key.sign({ sub: 'me' }))).toMatchObject({ id: 'me' });
  });
});
