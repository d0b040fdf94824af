import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@micro/core/conformance';
import { startEtcd, type TestServer } from '@micro/test-servers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { follow, greeter, ids, makers, missing, node, why } from './support.ts';

describe.skipIf(missing !== undefined)(`a node that was registered${why}`, () => {
  const make = makers();
  let etcd: TestServer;
  let worlds = 0;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd.close());

  const world = () => {
    const prefix = `/own-${++worlds}/`;
    const registry = make.registry({ hosts: etcd.url, prefix });
    const other = make.registry({ hosts: etcd.url, prefix });
    return { prefix, registry, other, raw: make.etcd3(etcd.url), key: `${prefix}greeter/greeter-1` };
  };

  it('comes back by itself when its key is deleted behind our back', async () => {
    const { registry, other, raw, key } = world();
    await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    for (let times = 0; times < 3; times++) {
      await raw.delete().key(key);
      await eventually(async () => expect(ids(await other.getService('greeter'))).toEqual(['greeter-1']));
    }
  });

  it('comes back by itself when its lease is revoked behind our back', async () => {
    const { registry, other, raw, key } = world();
    await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    const lease = (await raw.get(key).exec()).kvs[0]?.lease ?? '';
    await raw.leaseClient.leaseRevoke({ ID: lease });
    await eventually(async () => expect(ids(await other.getService('greeter'))).toEqual(['greeter-1']));
    await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    expect(ids(await other.getService('greeter'))).toEqual(['greeter-1']);
  });

  it('comes back when all keys are deleted at once', async () => {
    const { registry, other, raw, prefix } = world();
    const nodes = Array.from({ length: 20 }, (_, number) => node(number));
    await registry.register(greeter(...nodes), { ttlMs: 60_000 });
    await raw.delete().prefix(prefix);
    await eventually(async () => expect(ids(await other.getService('greeter'))).toHaveLength(20));
  });

  it('comes back for the rest of its time only', async () => {
    const { registry, raw, key } = world();
    const leaseOf = async () => {
      const ID = (await raw.get(key).exec()).kvs[0]?.lease ?? '0';
      return raw.leaseClient.leaseTimeToLive({ ID });
    };
    await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    const { ID } = await leaseOf();
    await sleep(1_500);
    await raw.delete().key(key);
    await eventually(async () => expect(await raw.get(key).exists()).toBe(true));
    // The lease was still there, and nobody has renewed it.
    expect((await leaseOf()).ID).toBe(ID);
    expect(Number((await leaseOf()).TTL)).toBeLessThan(60);
    await raw.leaseClient.leaseRevoke({ ID });
    await eventually(async () => expect(await raw.get(key).exists()).toBe(true));
    expect((await leaseOf()).ID).not.toBe(ID);
    expect(Number((await leaseOf()).grantedTTL)).toBeLessThan(60);
    // Renewed, it has all of its time again.
    await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    expect((await leaseOf()).grantedTTL).toBe('60');
  });

  it('stays away when it was not renewed, and when it was deregistered', async () => {
    const { registry, other } = world();
    const watch = follow(other, 'greeter');
    await registry.register(greeter(node(1)), { ttlMs: 1_000 });
    await registry.register(greeter(node(2)), { ttlMs: 60_000 });
    await registry.deregister(greeter(node(2)));
    await eventually(() => expect(watch.texts).toContain('delete greeter-1'), { timeoutMs: 15_000 });
    await registry.register(greeter(node(3)), { ttlMs: 60_000 });
    await eventually(() => expect(watch.texts.at(-1)).toBe('create greeter-3'));
    expect(ids(await other.getService('greeter'))).toEqual(['greeter-3']);
    await watch.stop();
  });

  it('is put right by the next renewal when somebody else has written its key', async () => {
    const { registry, other, raw, key } = world();
    await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    await raw.put(key).value(JSON.stringify(greeter({ ...node(1), address: '6.6.6.6:6' })));
    await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    const [record] = await other.getService('greeter');
    expect(record?.nodes[0]?.address).toBe(node(1).address);
    await registry.close();
    expect(await other.getService('greeter')).toEqual([]);
  });

  it('is put right by the next renewal when garbage stands under its key', async () => {
    const { registry, other, raw, key } = world();
    await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    await raw.put(key).value('garbage');
    expect(await other.getService('greeter')).toEqual([]);
    await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    expect(ids(await other.getService('greeter'))).toEqual(['greeter-1']);
  });

  it('that its successor has registered anew outlives the one who closes', async () => {
    const { registry, other, raw, key } = world();
    await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    await other.register(greeter(node(1)), { ttlMs: 60_000 });
    const lease = (await raw.get(key).exec()).kvs[0]?.lease;
    await registry.close();
    expect((await raw.get(key).exec()).kvs[0]?.lease).toBe(lease);
  });

  it('can be registered again with the same registry after that was closed', async () => {
    const { registry, other } = world();
    await registry.register(greeter(node(1)));
    await registry.close();
    expect(await other.getService('greeter')).toEqual([]);
    await registry.register(greeter(node(1)));
    expect(ids(await other.getService('greeter'))).toEqual(['greeter-1']);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('has no ttl of %d', async (ttlMs) => {
    await expect(world().registry.register(greeter(node(1)), { ttlMs })).rejects.toMatchObject({ code: 400 });
  });
});
