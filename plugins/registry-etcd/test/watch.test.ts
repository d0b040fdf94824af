import { setTimeout as sleep } from 'node:timers/promises';
import type { RegistryEvent } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { startEtcd, type TestServer } from '@micro/test-servers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { follow, greeter, ids, keepingLogger, makers, missing, node, why } from './support.ts';

describe.skipIf(missing !== undefined)(`a watch${why}`, () => {
  const make = makers();
  let etcd: TestServer;
  let worlds = 0;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd.close());

  const world = () => {
    const prefix = `/watch-${++worlds}/`;
    const registry = make.registry({ hosts: etcd.url, prefix });
    const other = make.registry({ hosts: etcd.url, prefix });
    return {
      prefix,
      registry,
      other,
      raw: make.etcd3(etcd.url),
      keyOf: (n: number) => `${prefix}greeter/greeter-${n}`,
    };
  };
  const json = (number: number) => JSON.stringify(greeter(node(number)));
  /** What etcd itself counts. */
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${etcd.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  };

  it('sees what is registered with the same registry right after it was asked for', async () => {
    for (let times = 0; times < 20; times++) {
      const { registry } = world();
      const watch = follow(registry);
      await registry.register(greeter(node(1)));
      await eventually(() => expect(watch.texts).toEqual(['create greeter-1']));
      await watch.stop();
    }
  });

  it('sees all events of one answer', async () => {
    const { other, registry, raw, keyOf } = world();
    const watch = follow(other);
    await other.register(greeter(node(0)));
    const numbers = Array.from({ length: 100 }, (_, number) => number + 1);
    await raw
      .if('none', 'Version', '==', 0)
      .then(...numbers.map((n) => raw.put(keyOf(n)).value(json(n))))
      .commit();
    await eventually(() => expect(watch.events).toHaveLength(101));
    expect(new Set(watch.texts).size).toBe(101);
    await raw.delete().prefix(keyOf(1).slice(0, -1));
    await eventually(() => expect(watch.texts.filter((text) => text.startsWith('delete'))).toHaveLength(101));
    // The first one comes back by itself, between the two questions or after them.
    await eventually(async () => expect(await registry.listServices()).toEqual(await other.listServices()));
    await watch.stop();
  });

  it('sees each node of a lease that ends with all of its keys', async () => {
    const { other, raw, keyOf } = world();
    const watch = follow(other, 'greeter');
    await other.register(greeter(node(0)));
    const { ID } = await raw.leaseClient.leaseGrant({ TTL: 600 });
    for (const n of [1, 2, 3]) await raw.kv.put({ key: Buffer.from(keyOf(n)), value: Buffer.from(json(n)), lease: ID });
    await raw.leaseClient.leaseRevoke({ ID });
    await eventually(() => expect(watch.texts.filter((text) => text.startsWith('delete')).sort()).toHaveLength(3));
    await watch.stop();
  });

  it('knows what is gone although etcd has forgotten it', async () => {
    const { other, raw, keyOf } = world();
    await raw.put(keyOf(1)).value(json(1));
    const watch = follow(other);
    await other.register(greeter(node(2)));
    await eventually(() => expect(watch.texts).toEqual(['create greeter-2']));
    const { header } = await raw.put('compact/here').value('x');
    await raw.kv.compact({ revision: header.revision, physical: true });
    await raw.delete().key(keyOf(1));
    await eventually(() => expect(watch.texts).toEqual(['create greeter-2', 'delete greeter-1']));
    expect(watch.events[1]?.service.nodes[0]?.address).toBe(node(1).address);
    await watch.stop();
  });

  it('says nothing of a write that changes nothing, and of what is no record', async () => {
    const { other, raw, keyOf, prefix } = world();
    const watch = follow(other);
    await other.register(greeter(node(0)));
    await raw.put(keyOf(1)).value(json(1));
    await raw.put(keyOf(1)).value(json(1));
    await raw.put(keyOf(2)).value('garbage');
    await raw.put(`${prefix}garbage`).value(json(1));
    await raw.delete().key(keyOf(2));
    await raw.put(keyOf(1)).value(json(1).replace('4001', '5001'));
    await raw.put(keyOf(1)).value('garbage');
    await eventually(() =>
      expect(watch.texts).toEqual(['create greeter-0', 'create greeter-1', 'update greeter-1', 'delete greeter-1']),
    );
    await watch.stop();
  });

  it('of one service sees neither others nor those that only have its keys', async () => {
    const { registry } = world();
    const slash = follow(registry, 'a/b');
    const dash = follow(registry, 'a-b');
    await registry.register({ ...greeter({ ...node(1), id: 'slash' }), name: 'a/b' });
    await registry.register({ ...greeter({ ...node(1), id: 'dash' }), name: 'a-b' });
    await eventually(() => expect([slash.texts, dash.texts]).toEqual([['create slash'], ['create dash']]));
    await Promise.all([slash.stop(), dash.stop()]);
  });

  it('that does not take its events is ended with a 429, and the others go on', async () => {
    const { prefix, other } = world();
    const registry = make.registry({ hosts: etcd.url, prefix, watchLimit: 10 });
    const slow = registry.watch()[Symbol.asyncIterator]();
    const watch = follow(registry);
    // Who registers where it watches waits until the watch is at work; the other one does not.
    await registry.register(greeter(node(0)), { ttlMs: 60_000 });
    for (let number = 1; number < 30; number++) await other.register(greeter(node(number)), { ttlMs: 60_000 });
    await eventually(() => expect(watch.events).toHaveLength(30));
    await expect(slow.next()).rejects.toMatchObject({ code: 429 });
    await watch.stop();
  });

  it('of the same thing costs etcd one watch, however many watch, and none when nobody does', async () => {
    // Those of the tests before this one end when etcd hears of it.
    await eventually(async () => expect(await metric('etcd_debugging_mvcc_watcher_total')).toBe(0));
    const { registry, other } = world();
    const watches = Array.from({ length: 20 }, () => follow(registry));
    await registry.register(greeter(node(1)), { ttlMs: 0 });
    await eventually(() => expect(watches.every(({ texts }) => texts.length === 1)).toBe(true));
    // One for the watchers, one for the key of the node.
    await eventually(async () => expect(await metric('etcd_debugging_mvcc_watcher_total')).toBe(2));
    await other.register(greeter(node(2)), { ttlMs: 0 });
    await eventually(() => expect(watches.every(({ texts }) => texts.length === 2)).toBe(true));
    await Promise.all(watches.map((watch) => watch.stop()));
    await registry.deregister(greeter(node(1)));
    await other.deregister(greeter(node(2)));
    await eventually(async () => expect(await metric('etcd_debugging_mvcc_watcher_total')).toBe(0));
  });

  it('sees large records, also many in one answer', async () => {
    const { other, raw, keyOf } = world();
    const watch = follow(other);
    await other.register(greeter(node(0)));
    const large = (n: number) => JSON.stringify({ ...greeter(node(n)), metadata: { text: 'x'.repeat(400_000) } });
    // Written while the stream is held up, so that they come together.
    await Promise.all(Array.from({ length: 20 }, (_, n) => raw.put(keyOf(n + 1)).value(large(n + 1))));
    await eventually(() => expect(watch.events).toHaveLength(21), { timeoutMs: 20_000 });
    await watch.stop();
  });

  it('of a changing fleet ends up with what is there: 1,000 nodes of 50 services, 20 watchers', async () => {
    const { prefix } = world();
    const registrars = Array.from({ length: 4 }, () => make.registry({ hosts: etcd.url, prefix, timeoutMs: 25_000 }));
    const watchers = Array.from({ length: 20 }, () => make.registry({ hosts: etcd.url, prefix }));
    const record = (number: number, port = 1) => ({
      ...greeter({ ...node(number), id: `n-${number}`, address: `10.0.0.1:${port}` }),
      name: `service-${number % 50}`,
    });
    const numbers = Array.from({ length: 1_000 }, (_, number) => number);
    const of = (number: number) => registrars[number % registrars.length];
    const state = watchers.map(() => new Map<string, string>());
    const ends = watchers.map((registry, index) => {
      const controller = new AbortController();
      const apply = ({ action, service }: RegistryEvent): void => {
        const [only] = service.nodes;
        if (only === undefined) return;
        if (action === 'delete') state[index]?.delete(only.id);
        else state[index]?.set(only.id, only.address);
      };
      const over = (async () => {
        for await (const event of registry.watch({ signal: controller.signal })) apply(event);
      })();
      return async () => {
        controller.abort();
        await over;
      };
    });
    // Known to be at work, each of them.
    await eventually(
      async () => {
        await of(0)?.register(record(0, Math.ceil(performance.now()) % 60_000 || 1));
        expect(state.every((each) => each.has('n-0'))).toBe(true);
      },
      { timeoutMs: 30_000, everyMs: 500 },
    );
    const ofEach = async (some: readonly number[], run: (number: number) => Promise<void> | undefined) => {
      for (let at = 0; at < some.length; at += 50) await Promise.all(some.slice(at, at + 50).map(run));
    };
    const ttlMs = 600_000;
    await ofEach(numbers, (n) => of(n)?.register(record(n), { ttlMs }));
    const moved = numbers.filter((n) => n % 3 === 0);
    await ofEach(moved, (n) => of(n)?.register(record(n, 2), { ttlMs }));
    const gone = numbers.filter((n) => n % 7 === 0);
    await ofEach(gone, (n) => of(n)?.deregister(record(n)));
    const expected = new Map(
      numbers.filter((n) => n % 7 !== 0).map((n) => [`n-${n}`, `10.0.0.1:${n % 3 === 0 ? 2 : 1}`]),
    );
    const sorted = (map: ReadonlyMap<string, string>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
    await eventually(() => expect(state.map(sorted)).toEqual(watchers.map(() => sorted(expected))), {
      timeoutMs: 30_000,
      everyMs: 200,
    });
    expect(await watchers[0]?.listServices()).toHaveLength(50);
    const ofOne = [...expected.keys()].filter((id) => Number(id.slice(2)) % 50 === 1);
    expect(ids((await watchers[1]?.getService('service-1')) ?? [])).toEqual(ofOne.sort());
    await Promise.all(ends.map((end) => end()));
  }, 180_000);

  it('goes on when the user asks for the next event late', async () => {
    const { registry, other } = world();
    const events = registry.watch()[Symbol.asyncIterator]();
    await registry.register(greeter(node(1)));
    await sleep(100);
    await other.register(greeter(node(2)));
    expect((await events.next()).value?.service.nodes[0]?.id).toBe('greeter-1');
    expect((await events.next()).value?.service.nodes[0]?.id).toBe('greeter-2');
    await events.return?.();
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it('logs nothing while all is well', async () => {
    const logger = keepingLogger();
    const registry = make.registry({ hosts: etcd.url, prefix: world().prefix, logger });
    const watch = follow(registry);
    await registry.register(greeter(node(1)));
    await watch.stop();
    await registry.close();
    expect(logger.lines).toEqual([]);
  });
});
