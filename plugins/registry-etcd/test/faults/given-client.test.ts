import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, within } from '@micro/core/conformance';
import { startEtcd } from '@micro/test-servers';
import { describe, expect, it } from 'vitest';
import { follow, greeter, ids, makers, missing, node, why } from '../support.ts';

describe.skipIf(missing !== undefined)(`a registry on a given client${why}`, { timeout: 60_000 }, () => {
  const make = makers();

  it('goes on when etcd was killed and started again', async () => {
    await using etcd = await startEtcd();
    const client = make.etcd3(etcd.url);
    const registry = make.registry({ client });
    const watch = follow(registry);
    await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    await etcd.kill();
    await sleep(1_000);
    await expect(within('the lookup', Promise.resolve(registry.getService('greeter')), 10_000)).rejects.toMatchObject({
      code: 503,
    });
    await etcd.start();
    await eventually(() => registry.register(greeter(node(2)), { ttlMs: 60_000 }), { timeoutMs: 20_000 });
    await eventually(() => expect(watch.texts).toEqual(['create greeter-1', 'create greeter-2']), {
      timeoutMs: 20_000,
    });
    await registry.close();
    await watch.over;
    expect(await client.getAll().prefix('/micro/registry/').count()).toBe(0);
    client.close();
  });

  it('fails at its deadline when etcd stands still, although the client has none', async () => {
    await using etcd = await startEtcd();
    const registry = make.registry({ client: make.etcd3(etcd.url), timeoutMs: 1_000 });
    await registry.register(greeter(node(1)), { ttlMs: 60_000 });
    etcd.freeze();
    const begun = performance.now();
    // 503 when etcd3's circuit breaker says so first.
    const late = expect.toSatisfy((code: unknown) => code === 408 || code === 503);
    await expect(registry.getService('greeter')).rejects.toMatchObject({ code: late });
    await expect(registry.register(greeter(node(1)), { ttlMs: 60_000 })).rejects.toMatchObject({ code: late });
    expect(performance.now() - begun).toBeLessThan(8_000);
    etcd.thaw();
    await eventually(async () => expect(ids(await registry.getService('greeter'))).toEqual(['greeter-1']), {
      timeoutMs: 20_000,
    });
    await registry.close();
  });
});
