import { eventually } from '@micro/core/conformance';
import { startEtcd } from '@micro/test-servers';
import type { Etcd3 } from 'etcd3';
import { describe, expect, it } from 'vitest';
import { follow, greeter, ids, keepingLogger, makers, missing, node, why } from '../support.ts';
import { startProxy } from './proxy.ts';

const KEY = '/micro/registry/greeter/greeter-';
const json = (number: number, port = number) =>
  JSON.stringify(greeter({ ...node(number), address: `127.0.0.1:${port}` }));

describe.skipIf(missing !== undefined)(`a watch that was cut off${why}`, () => {
  const make = makers();

  /** A watch that is at work on what `1` to `4` are, and a way to etcd that does not go through the cut. */
  const watching = async () => {
    const etcd = await startEtcd();
    const proxy = await startProxy(etcd.host, etcd.port);
    const raw = make.etcd3(etcd.url);
    for (const number of [1, 2, 3, 4]) await raw.put(`${KEY}${number}`).value(json(number));
    const logger = keepingLogger();
    const registry = make.registry({ hosts: proxy.address, logger, graceMs: 5_000 });
    const watch = follow(registry);
    await registry.register(greeter(node(5)), { ttlMs: 600_000 });
    await eventually(() => expect(watch.texts).toEqual(['create greeter-5']));
    const over = async () => {
      await watch.stop();
      await registry.close();
      await proxy[Symbol.asyncDispose]();
      await etcd.close();
    };
    return { etcd, proxy, raw, registry, watch, logger, [Symbol.asyncDispose]: over };
  };

  const change = async (raw: Etcd3) => {
    await raw.delete().key(`${KEY}1`);
    await raw.put(`${KEY}2`).value(json(2, 22));
    await raw.put(`${KEY}6`).value(json(6));
    await raw.delete().key(`${KEY}3`);
    await raw.put(`${KEY}3`).value(json(3));
    await raw.put(`${KEY}7`).value(json(7));
    await raw.delete().key(`${KEY}7`);
  };

  it('goes on where it stopped and sees everything that happened in between', async () => {
    await using world = await watching();
    const { proxy, raw, watch } = world;
    proxy.cut();
    await change(raw);
    proxy.heal();
    await eventually(
      () =>
        expect(watch.texts).toEqual([
          'create greeter-5',
          'delete greeter-1',
          'update greeter-2',
          'create greeter-6',
          'delete greeter-3',
          'create greeter-3',
          'create greeter-7',
          'delete greeter-7',
        ]),
      { timeoutMs: 15_000 },
    );
  });

  it('tells the difference when what happened in between was compacted, and nothing else', async () => {
    await using world = await watching();
    const { proxy, raw, watch } = world;
    proxy.cut();
    await change(raw);
    const { header } = await raw.put('now').value('x');
    await raw.kv.compact({ revision: header.revision, physical: true });
    proxy.heal();
    const expected = ['create greeter-5', 'create greeter-6', 'delete greeter-1', 'update greeter-2'];
    await eventually(() => expect([...watch.texts].sort()).toEqual(expected), { timeoutMs: 15_000 });
    await raw.put(`${KEY}8`).value(json(8));
    await eventually(() => expect(watch.texts.at(-1)).toBe('create greeter-8'));
    expect(watch.texts).toHaveLength(5);
  });

  it('sees what is new in an etcd that lost its data, and what is gone only after a while', async () => {
    await using world = await watching();
    const { etcd, proxy, registry, watch } = world;
    proxy.cut();
    await etcd.restart({ wipe: true });
    const raw = make.etcd3(etcd.url);
    // Further on than the old one ever was, so that its revisions seem to be those that come next.
    for (let times = 0; times < 40; times++) await raw.put('far').value(String(times));
    await raw.put(`${KEY}2`).value(json(2));
    await raw.put(`${KEY}3`).value(json(3, 33));
    const healedAt = performance.now();
    proxy.heal();
    await eventually(() => expect(watch.texts).toEqual(['create greeter-5', 'update greeter-3']), {
      timeoutMs: 15_000,
    });
    await raw.put(`${KEY}9`).value(json(9));
    await eventually(() => expect(watch.texts.at(-1)).toBe('create greeter-9'));
    // Meanwhile a lookup says what the watch says.
    expect(ids(await registry.getService('greeter'))).toContain('greeter-1');
    const gone = ['delete greeter-1', 'delete greeter-4'];
    await eventually(() => expect([...watch.texts].sort().filter((text) => text.startsWith('delete'))).toEqual(gone), {
      timeoutMs: 15_000,
    });
    expect(performance.now() - healedAt).toBeGreaterThan(4_000);
    // 5 is ours, and was written again before anybody could miss it.
    expect(watch.texts).toHaveLength(5);
    expect(ids(await registry.getService('greeter'))).toEqual([2, 3, 5, 9].map((n) => `greeter-${n}`));
  });

  it('is told of once, and so is that it goes on', async () => {
    await using world = await watching();
    const { proxy, registry, logger } = world;
    proxy.cut();
    for (let times = 0; times < 5; times++) {
      await expect(registry.getService('greeter')).rejects.toMatchObject({ code: 503 });
    }
    proxy.heal();
    await eventually(async () => expect(await registry.getService('greeter')).toHaveLength(1), { timeoutMs: 15_000 });
    expect(logger.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      `warn etcd at ${proxy.address} cannot be reached`,
      `info etcd at ${proxy.address} is reached again`,
    ]);
  });
});
