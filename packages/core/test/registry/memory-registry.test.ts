import { describe, expect, it, test } from 'vitest';
import { registryCases } from '../../src/conformance/registry.ts';
import { runConformance } from '../../src/conformance/run.ts';
import type { RegistryEvent, ServiceRecord } from '../../src/contract/registry.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';

describe('memoryRegistry conforms', () => {
  runConformance({
    test,
    cases: registryCases,
    world: () => {
      const registry = memoryRegistry();
      return { create: () => registry, close: () => registry.close() };
    },
  });
});

function record(...ids: string[]): ServiceRecord {
  const nodes = ids.map((id, index) => ({ id, address: `127.0.0.1:${4_001 + index}`, metadata: {} }));
  return { name: 'greeter', version: '1', metadata: {}, endpoints: [], nodes };
}

describe('memoryRegistry', () => {
  it('of one call knows nothing of that of another', async () => {
    const [one, other] = [memoryRegistry(), memoryRegistry()];
    await one.register(record('a'));
    expect(await other.listServices()).toEqual([]);
  });

  it('knows from the beginning what it was given, for ever', async () => {
    const registry = memoryRegistry({ services: [record('a', 'b')] });
    expect(await registry.getService('greeter')).toMatchObject([{ nodes: [{ id: 'a' }, { id: 'b' }] }]);
  });

  it('answers with the identical records until something changes', async () => {
    const registry = memoryRegistry({ services: [record('a')] });
    const first = await registry.getService('greeter');
    await registry.register(record('a'), { ttlMs: 60_000 });
    expect(await registry.getService('greeter')).toBe(first);
    await registry.register(record('b'));
    expect(await registry.getService('greeter')).not.toBe(first);
  });

  it('keeps events for a watcher that does not take them yet, and fails its watch when they are too many', async () => {
    const registry = memoryRegistry({ watchLimit: 3 });
    const patient = registry.watch()[Symbol.asyncIterator]();
    const slow = registry.watch()[Symbol.asyncIterator]();
    await registry.register(record('a'));
    await registry.register(record('b'));
    const ids: (string | undefined)[] = [];
    for (let count = 0; count < 2; count++) ids.push((await patient.next()).value?.service.nodes[0]?.id);
    expect(ids).toEqual(['a', 'b']);
    await registry.register(record('c'));
    await registry.register(record('d'));
    await expect(slow.next()).rejects.toMatchObject({
      code: 429,
      detail: expect.stringContaining('fell 3 events behind'),
    });
    expect(await slow.next()).toEqual({ done: true, value: undefined });
    expect((await patient.next()).value?.service.nodes[0]?.id).toBe('c');
  });

  it('goes on telling a watcher that takes an event now and then, and never quite catches up', async () => {
    const registry = memoryRegistry({ watchLimit: 8 });
    const watch = registry.watch()[Symbol.asyncIterator]();
    let registered = 0;
    const more = () => registry.register(record(`n${registered++}`));
    for (let count = 0; count < 5; count++) await more();
    for (let taken = 0; taken < 1_000; taken++) {
      expect((await watch.next()).value?.service.nodes[0]?.id).toBe(`n${taken}`);
      await more();
    }
  });

  it('lets go of a watcher that leaves the iteration', async () => {
    const registry = memoryRegistry({ watchLimit: 1 });
    const seen: RegistryEvent[] = [];
    const watch = registry.watch();
    await registry.register(record('a'));
    for await (const event of watch) {
      seen.push(event);
      break;
    }
    for (const id of ['b', 'c', 'd']) await registry.register(record(id));
    for await (const event of watch) seen.push(event);
    expect(seen).toHaveLength(1);
  });

  it('ends its watches when it is closed, and goes on answering those who share it', async () => {
    const registry = memoryRegistry();
    await registry.register(record('a'));
    const waiting = registry.watch()[Symbol.asyncIterator]().next();
    await registry.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await registry.deregister(record('a'));
    expect(await registry.listServices()).toEqual([]);
  });

  it('expires nodes on time though its timer is late', async () => {
    const registry = memoryRegistry();
    await registry.register(record('a'), { ttlMs: 20 });
    const end = performance.now() + 25;
    while (performance.now() < end);
    expect(await registry.getService('greeter')).toEqual([]);
  });
});
