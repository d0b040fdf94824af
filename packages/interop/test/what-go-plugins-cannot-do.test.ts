import { missingServer, startEtcd, startRedis, type TestServer } from '@micro/test-servers';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { type GoAuth, startGoAuth } from '../src/go-auth.ts';
import type { GoRegistry } from '../src/go-registry.ts';
import { startGoRegistry } from '../src/go-registry.ts';
import { startGoStore } from '../src/go-store.ts';
import { type EtcdKeys, etcdKeys } from './etcd-keys.ts';
import { eventually } from './eventually.ts';
import { rsaKey } from './rsa-key.ts';

// What `docs/wire.md` says of go-micro's plugins under "What Go cannot do". A test here that fails may be good news.

const binary = inject('goBinary');

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const noEtcd = missingServer('etcd');
const noRedis = missingServer('redis');

describe.skipIf(binary === '' || noEtcd !== undefined)(`what go-micro's etcd registry cannot do${why(noEtcd)}`, () => {
  let etcd: TestServer;
  let keys: EtcdKeys;

  beforeAll(async () => {
    etcd = await startEtcd();
    keys = etcdKeys(etcd.url);
  });
  afterAll(() => etcd.close());

  const goRegistry = async (): Promise<GoRegistry> => {
    const registry = await startGoRegistry({ binary, registry: 'etcd', registryAddress: etcd.address });
    closing.push(() => registry.close());
    return registry;
  };

  const record = (name: string, more: object = {}): object => ({
    name,
    version: '1',
    nodes: [{ id: `${name}-1`, address: '127.0.0.1:9' }],
    ...more,
  });

  test('a Go process that registers in etcd without a ttl panics', async () => {
    const registry = await goRegistry();
    await expect(registry.register(record('for-ever'))).rejects.toThrow(/nil pointer dereference/);
    expect(await keys.list('/micro/registry/for-ever/')).toEqual([]);
  });

  test('a Go node whose endpoints or version change does not write them while its address and metadata stay', async () => {
    const registry = await goRegistry();
    await registry.register(record('changing'), 60_000);
    const before = await keys.list('/micro/registry/changing/');
    await registry.register(record('changing', { version: '2', endpoints: [{ name: 'New.Call' }] }), 60_000);
    expect(await keys.list('/micro/registry/changing/')).toEqual(before);
    expect(before[0]?.value).toContain('"version":"1"');
  });

  test('a Go node whose key was deleted does not write it again while its lease lives', async () => {
    const registry = await goRegistry();
    await registry.register(record('deleted'), 60_000);
    const [written] = await keys.list('/micro/registry/deleted/');
    await keys.remove('/micro/registry/deleted/deleted-1');
    await registry.register(record('deleted'), 60_000);
    expect(await keys.list('/micro/registry/deleted/')).toEqual([]);
    // Once the lease is over it does.
    await keys.revoke(written?.lease ?? '');
    await registry.register(record('deleted'), 60_000);
    expect(await keys.list('/micro/registry/deleted/')).toHaveLength(1);
  });

  test('a Go watcher tells of the first change of those that etcd tells of together', async () => {
    const registry = await goRegistry();
    const told: string[] = [];
    await registry.watch((event) => {
      const { Action, Service } = event as { Action: string; Service: { nodes: { id: string }[] } };
      told.push(`${Action} ${Service.nodes[0]?.id}`);
    }, 'together');
    const node = (id: string): string =>
      JSON.stringify(record('together', { nodes: [{ id, address: '127.0.0.1:9' }] }));
    const path = '/micro/registry/together';
    // A first change by itself shows that the watch stands.
    await eventually(async () => {
      await keys.put({ [`${path}/0`]: node('0') });
      return told.length > 0 ? true : undefined;
    });
    await keys.put({ [`${path}/1`]: node('1'), [`${path}/2`]: node('2') });
    await keys.remove(`${path}/1`, `${path}/2`);
    await keys.put({ [`${path}/last`]: node('last') });
    await eventually(async () => (told.includes('create last') ? true : undefined));
    expect(told.filter((what) => / [12]$/.test(what))).toEqual(['create 1', 'delete 1']);
  });

  test('a Go registry drops an address of etcd that is a URL, and says nothing', async () => {
    const registry = await startGoRegistry({ binary, registry: 'etcd', registryAddress: etcd.url });
    closing.push(() => registry.kill());
    await keys.put({ '/micro/registry/there/there-1': JSON.stringify(record('there')) });
    // It asks the default, 127.0.0.1:2379, where somebody may live or not.
    const found = await registry.get('there').catch((error: Error) => error.message);
    expect(found).toMatch(/deadline|not found|refused/);
  });
});

describe.skipIf(binary === '' || noRedis !== undefined)(`what go-micro's redis store cannot do${why(noRedis)}`, () => {
  let redis: TestServer;

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.close());

  const goStore = async (table: string) => {
    const store = await startGoStore({ binary, urls: [redis.url], table });
    closing.push(() => store.close());
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

function why(missing: string | undefined): string {
  return missing === undefined ? '' : ` (skipped: ${missing})`;
}
