import { fileURLToPath } from 'node:url';
import type { Registry, Service, ServiceRecord } from '@micro/core';
import { createService, silentLogger } from '@micro/core';
import { etcdRegistry } from '@micro/registry-etcd';
import { startEtcd, type TestServer } from '@micro/test-servers';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { type GoClient, startGoClient } from '../src/go-client.ts';
import { type GoRegistry, startGoRegistry } from '../src/go-registry.ts';
import { startGoServer } from '../src/go-server.ts';
import { startLineProcess } from '../src/line-process.ts';
import { type EtcdKeys, etcdKeys } from './etcd-keys.ts';
import { eventually } from './eventually.ts';
import { Helloworld } from './gen/helloworld_pb.ts';
import { startOurService } from './our-service.ts';
import { cleanup, need } from './real-servers.ts';

const binary = inject('goBinary');
const { skip, why } = need(binary, 'etcd');

const PEER = fileURLToPath(new URL('./etcd-peer.mjs', import.meta.url));
const PREFIX = '/micro/registry';

/** A record as a Go registry shows it. */
interface GoRecord {
  readonly name: string;
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly endpoints: readonly { readonly name: string; readonly metadata: Readonly<Record<string, string>> }[];
  readonly nodes: readonly {
    readonly id: string;
    readonly address: string;
    readonly metadata: Readonly<Record<string, string>>;
  }[];
}

/** An event of a Go watcher. */
interface GoEvent {
  readonly Action: string;
  readonly Service: GoRecord;
}

describe.skipIf(skip)(`the etcd registry of Go and ours${why}`, () => {
  let etcd: TestServer;
  let keys: EtcdKeys;
  let go: GoRegistry;
  let ours: Registry;
  const { add, run } = cleanup();

  beforeAll(async () => {
    etcd = await startEtcd();
    keys = etcdKeys(etcd.url);
    go = await startGoRegistry({ binary, registry: 'etcd', registryAddress: etcd.address });
    ours = etcdRegistry({ hosts: etcd.url });
  });
  afterEach(run);
  afterAll(async () => {
    await ours.close();
    await go.close();
    await etcd.close();
  });

  /** A registry of ours beside the one that the suite shares. */
  const registryOfOurs = (): Registry => {
    const registry = etcdRegistry({ hosts: etcd.address });
    add(() => registry.close());
    return registry;
  };

  const goRegistry = async (): Promise<GoRegistry> => {
    const registry = await startGoRegistry({ binary, registry: 'etcd', registryAddress: etcd.address });
    add(() => registry.close());
    return registry;
  };

  const goClient = async (): Promise<GoClient> => {
    const client = await startGoClient({ binary, registry: 'etcd', registryAddress: etcd.address });
    add(() => client.close());
    return client;
  };

  const caller = (): Service => {
    const service = createService({
      name: 'caller',
      registry: registryOfOurs(),
      logger: silentLogger(),
      handleSignals: false,
    });
    add(() => service.stop());
    return service;
  };

  const record = (name: string, metadata: Readonly<Record<string, string>> = {}, version = '1'): ServiceRecord => ({
    name,
    version,
    metadata: {},
    endpoints: [],
    nodes: [{ id: `${name}-${version}`, address: '127.0.0.1:9', metadata }],
  });

  const keysOf = (name: string) => keys.list(`${PREFIX}/${name}/`);

  /** What our watch of a service tells: `<action> <node> <zone>`. */
  const weHear = async (service: string): Promise<string[]> => {
    const told: string[] = [];
    const watch = new AbortController();
    const events = ours.watch({ service, signal: watch.signal });
    const running = (async () => {
      for await (const event of events) told.push(...sentence(event.action, event.service));
    })();
    add(() => {
      watch.abort();
      return running.catch(() => {});
    });
    return told;
  };

  const goHears = async (service: string): Promise<string[]> => {
    const told: string[] = [];
    const registry = await goRegistry();
    await registry.watch((event) => {
      const { Action, Service } = event as GoEvent;
      told.push(...sentence(Action, Service));
    }, service);
    return told;
  };

  const heard = (told: readonly string[], what: string): Promise<true> =>
    eventually(async () => (told.includes(what) ? true : undefined));

  /** Watches stand a moment after they were begun: changes a record of the service until that is heard. */
  const standing = async (service: string, ...watchers: readonly (readonly string[])[]): Promise<void> => {
    let n = 0;
    await eventually(async () => {
      await keys.put({ [`${PREFIX}/${service}/probe`]: JSON.stringify(probe(service, `${n++}`)) });
      return watchers.every((told) => told.length > 0) ? true : undefined;
    });
    await keys.remove(`${PREFIX}/${service}/probe`);
    await Promise.all(
      watchers.map((told) => eventually(async () => (told.at(-1)?.startsWith('delete') ? true : undefined))),
    );
    for (const told of watchers) (told as string[]).length = 0;
  };

  /** Starts a process of ours that registers a record and is there until it is killed. */
  const dyingPeer = async (registered: ServiceRecord, ttlMs: number): Promise<() => Promise<void>> => {
    let said = (): void => {};
    const ready = new Promise<void>((resolve) => {
      said = resolve;
    });
    const command = [process.execPath, PEER, etcd.address, String(ttlMs), JSON.stringify(registered)];
    const peer = await startLineProcess(command, () => said());
    add(() => peer.close());
    const gone = peer.exited.then(() => {
      throw new Error(`the peer exited: ${peer.stderr()}`);
    });
    await Promise.race([ready, gone]);
    gone.catch(() => {});
    return peer.kill;
  };

  test('a Go service is found here by its name, with all it says about itself, and called', async () => {
    const server = await startGoServer({
      binary,
      name: 'theirs',
      version: '1.2.3',
      registry: 'etcd',
      registryAddress: etcd.address,
      metadata: { zone: 'größer <&>' },
    });
    add(() => server.close());
    const [found, ...others] = await ours.getService('theirs');
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      name: 'theirs',
      version: '1.2.3',
      nodes: [
        {
          id: server.id,
          address: server.address,
          metadata: { protocol: 'mucp', transport: 'http', registry: 'etcd', zone: 'größer <&>' },
        },
      ],
    });
    expect({ ...found?.metadata }).toEqual({});
    const endpoint = (name: string) => found?.endpoints.find((one) => one.name === name);
    expect(endpoint('Helloworld.Call')).toMatchObject({
      request: { name: 'CallRequest', type: 'CallRequest', values: [{ name: 'name', type: 'string', values: [] }] },
      response: { name: 'CallResponse', type: 'CallResponse', values: [{ name: 'msg', type: 'string' }] },
      metadata: {},
    });
    expect(endpoint('Helloworld.BidiStream')?.metadata).toMatchObject({ stream: 'true' });
    expect(await ours.listServices()).toContain('theirs');
    const hello = caller().client.of(Helloworld, 'theirs');
    expect(await hello.call({ name: 'Jo' })).toMatchObject({ msg: 'Hello Jo' });
    const counts: bigint[] = [];
    for await (const { count } of hello.serverStream({ count: 3n })) counts.push(count);
    expect(counts).toEqual([0n, 1n, 2n]);
    await server.close();
    expect(await ours.getService('theirs')).toEqual([]);
    expect(await keysOf('theirs')).toEqual([]);
  });

  test('our service is found by Go by its name, with all it says about itself, and called', async () => {
    const { service, address } = await startOurService({
      name: 'ours',
      version: '1.2.3',
      registry: registryOfOurs(),
    });
    add(() => service.stop());
    const [found, ...others] = (await go.get('ours')) as GoRecord[];
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      name: 'ours',
      version: '1.2.3',
      nodes: [{ address, metadata: { protocol: 'mucp' } }],
    });
    const endpoint = (name: string) => found?.endpoints.find((one) => one.name === name);
    expect(endpoint('Helloworld.Call')).toMatchObject({
      request: { name: 'CallRequest', type: 'CallRequest', values: [{ name: 'name', type: 'string' }] },
      response: { name: 'CallResponse', type: 'CallResponse', values: [{ name: 'msg', type: 'string' }] },
    });
    expect(endpoint('Helloworld.BidiStream')?.metadata).toMatchObject({ stream: 'true' });
    expect(((await go.list()) as GoRecord[]).map(({ name }) => name)).toContain('ours');
    const client = await goClient();
    const call = { service: 'ours', endpoint: 'Helloworld.Call', body: { name: '$n' }, count: 3 };
    const { errors, replies } = await client.call(call);
    expect(errors).toEqual([]);
    expect(replies.map(({ reply }) => reply)).toEqual([0, 1, 2].map((n) => ({ msg: `Hello ${n}` })));
    const stream = {
      service: 'ours',
      endpoint: 'Helloworld.ServerStream',
      kind: 'server',
      body: { count: 2 },
    } as const;
    expect((await client.call(stream)).replies.map(({ reply }) => reply)).toEqual([{ count: '0' }, { count: '1' }]);
    await service.stop();
    expect(await keysOf('ours')).toEqual([]);
    await expect(go.get('ours')).rejects.toThrow('not found');
  });

  test.each(['bytes', 'a/b', 'dotted.name'])('what we write for %s is what Go writes, byte for byte', async (name) => {
    const field = { name: 'a', type: 'string', values: [] };
    const full = {
      name,
      version: 'latest',
      metadata: { b: '2', a: 'größer' },
      endpoints: [
        {
          name: 'Greeter.Hello',
          request: { name: 'Request', type: 'Request', values: [field, { name: 'b', type: 'In', values: [field] }] },
          response: { name: 'Response', type: 'Response', values: [] },
          metadata: { stream: 'true', a: '1' },
        },
        { name: 'Greeter.Bye', request: undefined, response: undefined, metadata: {} },
      ],
      nodes: [{ id: `${name}-1`, address: '127.0.0.1:9', metadata: { zone: 'a', protocol: 'mucp' } }],
    };
    const path = `${PREFIX}/${name.replaceAll('/', '-')}/`;
    const theirs = await goRegistry();
    // What is empty is nil in Go.
    await theirs.register(
      JSON.parse(JSON.stringify(full), (_, part) => (isEmpty(part) ? null : part)),
      60_000,
    );
    const written = await keys.list(path);
    await theirs.deregister(full);
    expect(await keys.list(path)).toEqual([]);
    await ours.register(full, { ttlMs: 60_000 });
    const mine = await keys.list(path);
    expect(mine.map(({ key, value }) => [key, value])).toEqual(written.map(({ key, value }) => [key, value]));
    expect(mine).toHaveLength(1);
    await ours.deregister(full);
    expect(await keys.list(path)).toEqual([]);
  });

  test('characters that Go writes as escapes mean the same both ways', async () => {
    const odd = record('escaped', { text: '<&> " \\ \u2028 世界 \u0001' });
    const theirs = await goRegistry();
    await theirs.register(odd, 60_000);
    expect((await ours.getService('escaped'))[0]?.nodes).toEqual(odd.nodes);
    await theirs.deregister(odd);
    await ours.register(odd, { ttlMs: 60_000 });
    expect(((await go.get('escaped')) as GoRecord[])[0]?.nodes).toEqual(odd.nodes);
    await ours.deregister(odd);
  });

  test('a node lives as many whole seconds as Go would give it', async () => {
    const granted = async (name: string): Promise<number> => {
      const [key] = await keysOf(name);
      return (await keys.timeToLive(key?.lease ?? '')).granted;
    };
    const theirs = await goRegistry();
    for (const ttlMs of [30_000, 4_900]) {
      const [one, other] = [record(`go-ttl-${ttlMs}`), record(`our-ttl-${ttlMs}`)];
      await theirs.register(one, ttlMs);
      await ours.register(other, { ttlMs });
      const expected = Math.floor(ttlMs / 1_000);
      expect([await granted(one.name), await granted(other.name)]).toEqual([expected, expected]);
      await theirs.deregister(one);
      await ours.deregister(other);
    }
  });

  test('two versions of a service, one of Go and one of ours, are two records on both sides', async () => {
    const theirs = await goRegistry();
    await theirs.register(record('versions', { by: 'go' }, '1'), 60_000);
    await ours.register(record('versions', { by: 'us' }, '2'), { ttlMs: 60_000 });
    // A second node of Go's version, by us.
    const more = {
      ...record('versions', { by: 'us' }, '1'),
      nodes: [{ id: 'versions-more', address: '127.0.0.1:8', metadata: {} }],
    };
    await ours.register(more, { ttlMs: 60_000 });
    const shape = (records: readonly { version: string; nodes: readonly { id: string }[] }[]) =>
      Object.fromEntries(records.map(({ version, nodes }) => [version, nodes.map(({ id }) => id).toSorted()]));
    const expected = { 1: ['versions-1', 'versions-more'], 2: ['versions-2'] };
    expect(shape(await ours.getService('versions'))).toEqual(expected);
    expect(shape((await go.get('versions')) as GoRecord[])).toEqual(expected);
    await ours.deregister(more);
    await ours.deregister(record('versions', {}, '2'));
    await theirs.deregister(record('versions'));
  });

  test('we hear a Go node come, change and leave, and nothing else', async () => {
    const told = await weHear('go-comes');
    await standing('go-comes', told);
    const theirs = await goRegistry();
    await theirs.register(record('go-comes', { zone: 'a' }), 60_000);
    await heard(told, 'create go-comes-1 a');
    await theirs.register(record('go-comes', { zone: 'b' }), 60_000);
    await heard(told, 'update go-comes-1 b');
    // What is registered as it was is no change.
    await theirs.register(record('go-comes', { zone: 'b' }), 60_000);
    await theirs.deregister(record('go-comes', { zone: 'b' }));
    await heard(told, 'delete go-comes-1 b');
    expect(told).toEqual(['create go-comes-1 a', 'update go-comes-1 b', 'delete go-comes-1 b']);
  });

  test('Go hears a node of ours come, change and leave, and nothing else', async () => {
    const told = await goHears('we-come');
    await standing('we-come', told);
    await ours.register(record('we-come', { zone: 'a' }), { ttlMs: 60_000 });
    await heard(told, 'create we-come-1 a');
    await ours.register(record('we-come', { zone: 'b' }), { ttlMs: 60_000 });
    await heard(told, 'update we-come-1 b');
    await ours.register(record('we-come', { zone: 'b' }), { ttlMs: 60_000 });
    await ours.deregister(record('we-come', { zone: 'b' }));
    await heard(told, 'delete we-come-1 b');
    expect(told).toEqual(['create we-come-1 a', 'update we-come-1 b', 'delete we-come-1 b']);
  });

  test('a Go node that dies leaves when its lease is over, and we hear it', async () => {
    const told = await weHear('go-dies');
    await standing('go-dies', told);
    const theirs = await goRegistry();
    await theirs.register(record('go-dies', { zone: 'a' }), 2_000);
    await heard(told, 'create go-dies-1 a');
    await theirs.kill();
    await heard(told, 'delete go-dies-1 a');
    expect(await ours.getService('go-dies')).toEqual([]);
  });

  test('a process of ours that dies leaves when its lease is over, and Go hears it', async () => {
    const told = await goHears('we-die');
    await standing('we-die', told);
    const kill = await dyingPeer(record('we-die', { zone: 'a' }), 2_000);
    await heard(told, 'create we-die-1 a');
    await kill();
    await heard(told, 'delete we-die-1 a');
    await expect(go.get('we-die')).rejects.toThrow('not found');
  });

  test('we take over the key that a Go process with the same node id left', async () => {
    const node = record('taken-over', { zone: 'a' });
    const theirs = await goRegistry();
    await theirs.register(node, 2_000);
    const [before] = await keysOf('taken-over');
    await theirs.kill();
    await ours.register(node, { ttlMs: 30_000 });
    // Go's lease is over, or ours now: the key stays either way.
    await eventually(async () => {
      const { granted, left } = await keys.timeToLive(before?.lease ?? '');
      const [now] = await keysOf('taken-over');
      return left < 0 || (now?.lease === before?.lease && granted > 2) ? true : undefined;
    });
    expect((await keysOf('taken-over')).map(({ key }) => key)).toEqual([`${PREFIX}/taken-over/taken-over-1`]);
    expect(await go.get('taken-over')).toMatchObject([{ nodes: node.nodes }]);
    await ours.deregister(node);
    expect(await keysOf('taken-over')).toEqual([]);
  });

  test('Go takes over the key that a process of ours with the same node id left', async () => {
    const node = record('handed-over', { zone: 'a' });
    // It is there, and connected, before the other one dies: what that left does not wait for it.
    const theirs = await goRegistry();
    await theirs.list();
    const kill = await dyingPeer(node, 3_000);
    await kill();
    const [before] = await keysOf('handed-over');
    await theirs.register(node, 3_000);
    // go-micro reads our record, finds the node in it unchanged, and goes on with our lease.
    const [adopted] = await keysOf('handed-over');
    expect(adopted).toEqual(before);
    const until = Date.now() + 4_500;
    await eventually(async () => {
      await theirs.register(node, 3_000);
      return Date.now() > until ? true : undefined;
    });
    expect(await keysOf('handed-over')).toEqual([before]);
    await theirs.deregister(node);
    expect(await keysOf('handed-over')).toEqual([]);
  });

  test('a value that makes no sense hides no node beside it, on either side', async () => {
    const node = record('beside');
    await ours.register(node, { ttlMs: 60_000 });
    await keys.put({ [`${PREFIX}/beside/a`]: 'nonsense', [`${PREFIX}/beside/z`]: 'null' });
    expect(await ours.getService('beside')).toMatchObject([{ nodes: node.nodes }]);
    expect(await go.get('beside')).toMatchObject([{ nodes: node.nodes }]);
    await keys.remove(`${PREFIX}/beside/a`, `${PREFIX}/beside/z`);
    await ours.deregister(node);
  });

  test('a client of either side spreads its calls over a node of Go and a node of ours', async () => {
    const server = await startGoServer({ binary, name: 'both', registry: 'etcd', registryAddress: etcd.address });
    add(() => server.close());
    const mine = await startOurService({ name: 'both', registry: registryOfOurs() });
    add(() => mine.service.stop());
    // Asked to fail without being told whose error it is, Go names its service and our handler always helloworld.
    const request = { service: 'both', endpoint: 'Plain.Fail', body: { code: 400, detail: 'no' } };
    const { errors } = await (await goClient()).call({ ...request, count: 100, concurrency: 10 });
    expect(new Set(errors.map(({ error }) => error.id))).toEqual(new Set(['both', 'helloworld']));
    const { client } = caller();
    const ids = await Promise.all(
      Array.from({ length: 100 }, () => client.call(request).catch((error: { readonly id: string }) => error.id)),
    );
    expect(new Set(ids)).toEqual(new Set(['both', 'helloworld']));
  });
});

function sentence(
  action: string,
  { nodes }: { nodes: readonly { id: string; metadata: Readonly<Record<string, string>> | null }[] },
): string[] {
  return nodes.map(({ id, metadata }) => `${action} ${id} ${metadata?.zone ?? ''}`);
}

function isEmpty(part: unknown): boolean {
  return typeof part === 'object' && part !== null && Object.keys(part).length === 0;
}

function probe(name: string, zone: string): object {
  return {
    name,
    version: '1',
    metadata: {},
    endpoints: [],
    nodes: [{ id: 'probe', address: '127.0.0.1:9', metadata: { zone } }],
  };
}
