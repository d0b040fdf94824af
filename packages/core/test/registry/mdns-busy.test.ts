import { afterEach, expect, test } from 'vitest';
import { eventually } from '../../src/conformance.ts';
import type { Registry } from '../../src/contract/registry.ts';
import { mdnsRegistry } from '../../src/registry/mdns-registry.ts';

const TIMEOUT_MS = 50;
const made: Registry[] = [];
afterEach(async () => {
  for (const registry of made.splice(0)) await registry.close();
});

test('a lookup sees what was answered while the process was busy, until its time was over and longer', async () => {
  const domain = `busy-${process.pid}`;
  const create = (): Registry => {
    const registry = mdnsRegistry({ interface: '127.0.0.1', port: 45_354, domain, timeoutMs: TIMEOUT_MS });
    made.push(registry);
    return registry;
  };
  const [asker, other] = [create(), create()];
  const nodes = [{ id: 'a-1', address: '127.0.0.1:1', metadata: {} }];
  await other.register({ name: 'a', version: 'latest', metadata: {}, endpoints: [], nodes });
  await eventually(async () => expect(await asker.getService('a')).toHaveLength(1), { timeoutMs: 20_000 });

  for (const look of [() => asker.getService('a'), () => asker.listServices()]) {
    const looking = look();
    // The question is sent.
    await new Promise((resolve) => setImmediate(resolve));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4 * TIMEOUT_MS);
    expect(await looking).toHaveLength(1);
  }
});
