import { eventually } from '@micro/core/conformance';
import { startEtcd, type TestServer } from '@micro/test-servers';
import type { Etcd3 } from 'etcd3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { greeter, ids, keepingLogger, makers, missing, node, why } from './support.ts';

describe.skipIf(missing !== undefined)(`what stands in etcd${why}`, () => {
  const make = makers();
  let etcd: TestServer;
  let worlds = 0;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd.close());

  const world = () => {
    const prefix = `/keys-${++worlds}/`;
    const registry = make.registry({ hosts: etcd.url, prefix });
    return { prefix, registry, raw: make.etcd3(etcd.url) };
  };
  const entry = async (raw: Etcd3, key: string) => (await raw.get(key).exec()).kvs[0];

  it('is under the prefix of go-micro unless told otherwise', async () => {
    const registry = make.registry({ hosts: etcd.address });
    await registry.register(greeter(node(1)));
    expect(await make.etcd3(etcd.url).get('/micro/registry/greeter/greeter-1').exists()).toBe(true);
    await registry.deregister(greeter(node(1)));
  });

  it('is one key for each node, with one node in it, as go-micro writes it', async () => {
    const { prefix, registry, raw } = world();
    await registry.register(greeter(node(1), node(2)));
    expect(await raw.getAll().prefix(prefix).keys()).toEqual([
      `${prefix}greeter/greeter-1`,
      `${prefix}greeter/greeter-2`,
    ]);
    expect(await raw.get(`${prefix}greeter/greeter-2`).string()).toBe(
      '{"name":"greeter","version":"1.0.0","metadata":null,"endpoints":null,"nodes":[{"id":"greeter-2","address":"127.0.0.1:4002","metadata":{"protocol":"mucp"}}]}',
    );
  });

  it('has a lease of its own for each key, of whole seconds, at least one', async () => {
    const { prefix, registry, raw } = world();
    await registry.register(greeter(node(1)), { ttlMs: 45_900 });
    // The second is over in a second, which a busy machine may need to look at it.
    await eventually(async () => {
      await registry.register(greeter(node(2)), { ttlMs: 1 });
      const leases = await Promise.all(
        [1, 2].map(async (n) => (await entry(raw, `${prefix}greeter/greeter-${n}`))?.lease ?? ''),
      );
      expect(new Set(leases).size).toBe(2);
      const ttls = await Promise.all(
        leases.map(async (ID) => Number((await raw.leaseClient.leaseTimeToLive({ ID })).grantedTTL)),
      );
      expect(ttls).toEqual([45, 1]);
    });
  });

  it('has no lease when it is registered for ever, and stays when the registry is closed', async () => {
    const { prefix, registry, raw } = world();
    await registry.register(greeter(node(1)), { ttlMs: 0 });
    expect((await entry(raw, `${prefix}greeter/greeter-1`))?.lease).toBe('0');
    await registry.close();
    expect(await raw.get(`${prefix}greeter/greeter-1`).exists()).toBe(true);
  });

  it('is taken out at once when the registry is closed, with its lease', async () => {
    const { prefix, registry, raw } = world();
    await registry.register(greeter(node(1)), { ttlMs: 600_000 });
    await registry.register(greeter(node(2)));
    const lease = (await entry(raw, `${prefix}greeter/greeter-1`))?.lease ?? '';
    await registry.close();
    expect(await raw.getAll().prefix(prefix).count()).toBe(0);
    expect((await raw.leaseClient.leaseTimeToLive({ ID: lease })).TTL).toBe('-1');
  });

  it('is gone after deregistering, with its lease', async () => {
    const { prefix, registry, raw } = world();
    await registry.register(greeter(node(1)), { ttlMs: 600_000 });
    const lease = (await entry(raw, `${prefix}greeter/greeter-1`))?.lease ?? '';
    await registry.deregister(greeter(node(1)));
    expect(await raw.getAll().prefix(prefix).count()).toBe(0);
    expect((await raw.leaseClient.leaseTimeToLive({ ID: lease })).TTL).toBe('-1');
  });

  it('is not written again by a renewal that changes nothing', async () => {
    const { prefix, registry, raw } = world();
    await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    const before = await entry(raw, `${prefix}greeter/greeter-1`);
    for (let times = 0; times < 3; times++) await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    expect(await entry(raw, `${prefix}greeter/greeter-1`)).toEqual(before);
  });

  it('is written again when anything of the record changed, not only the node', async () => {
    const { registry } = world();
    await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    const endpoints = [{ name: 'Greeter.Hello', metadata: { a: 'b' } }];
    await registry.register({ ...greeter(node(1)), endpoints, metadata: { team: 'x' } }, { ttlMs: 60_000 });
    const [record] = await registry.getService('greeter');
    expect(record?.endpoints[0]?.name).toBe('Greeter.Hello');
    expect(record?.metadata.team).toBe('x');
  });

  it('gets another lease when it is renewed with another ttl, and the old one ends', async () => {
    const { prefix, registry, raw } = world();
    await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    const before = (await entry(raw, `${prefix}greeter/greeter-1`))?.lease ?? '';
    await registry.register(greeter(node(1)), { ttlMs: 30_000 });
    const after = (await entry(raw, `${prefix}greeter/greeter-1`))?.lease ?? '';
    expect((await raw.leaseClient.leaseTimeToLive({ ID: after })).grantedTTL).toBe('30');
    expect((await raw.leaseClient.leaseTimeToLive({ ID: before })).TTL).toBe('-1');
  });

  it('keeps the lease of nobody else: a key that is there leaves it', async () => {
    const { prefix, registry, raw } = world();
    const foreign = await raw.leaseClient.leaseGrant({ TTL: 600 });
    const key = Buffer.from(`${prefix}greeter/greeter-1`);
    await raw.kv.put({ key, value: Buffer.from(JSON.stringify(greeter(node(1)))), lease: foreign.ID });
    await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    expect((await entry(raw, key.toString()))?.lease).not.toBe(foreign.ID);
    await raw.leaseClient.leaseRevoke({ ID: foreign.ID });
    expect(ids(await registry.getService('greeter'))).toEqual(['greeter-1']);
  });

  it('has a dash where a name has a slash, and is found under the name it has', async () => {
    const { prefix, registry, raw } = world();
    const record = { ...greeter({ ...node(1), id: 'a/b/1' }), name: 'a/b' };
    await registry.register(record);
    expect(await raw.getAll().prefix(prefix).keys()).toEqual([`${prefix}a-b/a-b-1`]);
    expect(ids(await registry.getService('a/b'))).toEqual(['a/b/1']);
    expect(await registry.getService('a-b')).toEqual([]);
    expect(await registry.listServices()).toEqual(['a/b']);
  });

  it('belongs to the first of two nodes that have one key, and the other one cannot take it out', async () => {
    const { registry, prefix } = world();
    const other = make.registry({ hosts: etcd.url, prefix });
    const first = { ...greeter({ ...node(1), id: 'x' }), name: 'a/b' };
    const second = { ...first, name: 'a-b' };
    await registry.register(first);
    for (const each of [registry, other]) {
      await expect(each.register(second)).rejects.toMatchObject({ code: 409, detail: expect.stringContaining('a/b') });
      await each.deregister(second);
    }
    expect(ids(await registry.getService('a/b'))).toEqual(['x']);
    expect(await registry.getService('a-b')).toEqual([]);
  });

  it.each(['.', '..', 'half a \ud800 pair'])('has no place for a service or a node called %j', async (name) => {
    const { registry, prefix, raw } = world();
    await expect(registry.register({ ...greeter(node(1)), name })).rejects.toMatchObject({ code: 400 });
    await expect(registry.register(greeter({ ...node(1), id: name }))).rejects.toMatchObject({ code: 400 });
    expect(await registry.getService(name)).toEqual([]);
    expect(await raw.getAll().prefix(prefix).count()).toBe(0);
  });

  it('is read by prefix to the slash, so no service takes in one whose name begins alike', async () => {
    const { registry } = world();
    await registry.register({ ...greeter({ ...node(1), id: 'foobar-1' }), name: 'foobar' });
    expect(await registry.getService('foo')).toEqual([]);
  });

  it('is read as go-micro writes it, with null for what is empty', async () => {
    const { prefix, registry, raw } = world();
    await raw
      .put(`${prefix}foo/foo-1`)
      .value(
        '{"name":"foo","version":"latest","metadata":null,"endpoints":[{"name":"A.B","request":null,"response":null,"metadata":null}],"nodes":[{"id":"foo-1","address":"1.2.3.4:5","metadata":null}]}',
      );
    const [record] = await registry.getService('foo');
    expect(record).toMatchObject({ version: 'latest', nodes: [{ id: 'foo-1', address: '1.2.3.4:5' }] });
    expect(record?.endpoints[0]?.name).toBe('A.B');
  });

  it('is left out when it makes no sense, and told of once', async () => {
    const logger = keepingLogger();
    const { prefix, raw } = world();
    const registry = make.registry({ hosts: etcd.url, prefix, logger });
    await registry.register(greeter(node(1)));
    const record = (text: object) => JSON.stringify({ ...greeter(node(9)), ...text });
    const bad: Readonly<Record<string, string>> = {
      'greeter/no-json': '{"name":',
      'greeter/null': 'null',
      'greeter/no-nodes': '{"name":"greeter","nodes":null}',
      'greeter/wrong-types': '{"name":"greeter","nodes":[{"id":7,"address":[]}]}',
      'greeter/of-another-service': record({ name: 'other', nodes: [{ ...node(1), id: 'of-another-service' }] }),
      'greeter/of-another-node': record({}),
      'greeter/huge': record({ metadata: { a: 'x'.repeat(1_100_000) }, nodes: [{ ...node(1), id: 'huge' }] }),
      'greeter/': record({}),
      greeter: record({}),
      'greeter/a/b': record({ nodes: [{ ...node(1), id: 'a/b' }] }),
    };
    for (const [key, value] of Object.entries(bad)) await raw.put(`${prefix}${key}`).value(value);
    for (let times = 0; times < 3; times++) {
      expect(ids(await registry.getService('greeter'))).toEqual(['greeter-1']);
      expect(await registry.listServices()).toEqual(['greeter']);
    }
    const told = logger.lines.map(
      ({ message }) => /etcd key "[^"]*\/keys-\d+\/([^"]*)" is left out/.exec(message)?.[1],
    );
    expect([...told].sort()).toEqual(Object.keys(bad).sort());
  });

  it('is answered from a page after the other when it is much', async () => {
    const { registry, raw, prefix } = world();
    const numbers = Array.from({ length: 1_300 }, (_, number) => number);
    for (let at = 0; at < numbers.length; at += 100) {
      const puts = numbers.slice(at, at + 100).map((n) => {
        return raw.put(`${prefix}greeter/greeter-${n}`).value(JSON.stringify(greeter(node(n))));
      });
      await raw
        .if('none', 'Version', '==', 0)
        .then(...puts)
        .commit();
    }
    expect(ids(await registry.getService('greeter'))).toEqual(numbers.map((n) => `greeter-${n}`).sort());
  });

  it('may be larger than what gRPC takes at a time', async () => {
    const { prefix, raw } = world();
    const registry = make.registry({ hosts: etcd.url, prefix, timeoutMs: 25_000 });
    const large = (n: number) => JSON.stringify({ ...greeter(node(n)), metadata: { text: 'x'.repeat(900_000) } });
    for (let number = 0; number < 20; number++) {
      await raw.put(`${prefix}greeter/greeter-${number}`).value(large(number));
    }
    expect(ids(await registry.getService('greeter'))).toHaveLength(20);
  });

  it('is grouped by version, and the youngest word on a version counts', async () => {
    const { registry } = world();
    await registry.register({ ...greeter(node(2)), endpoints: [{ name: 'Old', metadata: {} }] });
    await registry.register({ ...greeter(node(1)), endpoints: [{ name: 'New', metadata: {} }] });
    await registry.register({ ...greeter(node(3)), version: '2.0.0' });
    const records = await registry.getService('greeter');
    expect(records.map(({ version, nodes }) => [version, nodes.length])).toEqual([
      ['1.0.0', 2],
      ['2.0.0', 1],
    ]);
    expect(records[0]?.endpoints[0]?.name).toBe('New');
  });

  it('stays for as long as the process lives when it is registered without a ttl', async () => {
    const { registry, raw, prefix } = world();
    // Renewed each second, so that a busy machine may be late by two.
    const short = make.registry({ hosts: etcd.url, prefix, ttlMs: 3_000 });
    await short.register(greeter(node(1)));
    const lease = (await entry(raw, `${prefix}greeter/greeter-1`))?.lease;
    const end = performance.now() + 8_000;
    while (performance.now() < end) {
      expect(ids(await registry.getService('greeter'))).toEqual(['greeter-1']);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect((await entry(raw, `${prefix}greeter/greeter-1`))?.lease).toBe(lease);
    await eventually(async () => expect(ids(await registry.getService('greeter'))).toEqual(['greeter-1']));
  });
});
