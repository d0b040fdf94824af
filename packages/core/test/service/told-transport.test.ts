import { expect, test } from 'vitest';
import type { DialOptions, ListenOptions, Transport } from '../../src/contract/transport.ts';
import { silentLogger } from '../../src/logger/silent-logger.ts';
import { memoryRegistry } from '../../src/registry/memory-registry.ts';
import { defineService, unary } from '../../src/rpc/define-service.ts';
import { createService } from '../../src/service/create-service.ts';
import { memoryTransport } from '../../src/transport/memory-transport.ts';
import { Sample } from '../gen/sample_pb.js';

/** A transport that remembers what it was told, and whose listeners say that they speak something else. */
function listening(): {
  readonly transport: Transport;
  readonly listened: ListenOptions[];
  readonly dialled: DialOptions[];
} {
  const inner = memoryTransport();
  const listened: ListenOptions[] = [];
  const dialled: DialOptions[] = [];
  const transport: Transport = {
    ...inner,
    async listen(address, accept, options = {}) {
      listened.push(options);
      return { ...(await inner.listen(address, accept, options)), metadata: { protocol: 'other', server: 'other' } };
    },
    dial(address, options = {}) {
      dialled.push(options);
      return inner.dial(address, options);
    },
  };
  return { transport, listened, dialled };
}

const adder = defineService('Adder', { add: unary<{ a: number }, { sum: number }>() });

test('a transport is told what is served, at once and later, which service listens, and whether it wants to be called', async () => {
  const { transport, listened } = listening();
  const registry = memoryRegistry();
  let mayBeFound = true;
  const service = createService({
    name: 'told',
    registry,
    transport,
    logger: silentLogger(),
    server: { address: '127.0.0.1:0', settleMs: 0, registerCheck: () => mayBeFound, registerIntervalMs: 10 },
  });
  service.server.handle(adder, { add: ({ a }) => ({ sum: a }) });
  await service.start();
  const [options] = listened;
  const told: string[] = [];
  options?.services?.(({ name, endpoints }, internal) => told.push(`${name} ${endpoints.length} ${internal}`));
  expect(told).toEqual(['Adder 1 false', 'Debug 4 true']);
  service.server.handle('Later', { one: () => ({}) });
  expect(told.slice(2)).toEqual(['Later 1 false']);
  expect(options?.name).toBe('told');
  expect(options?.ready?.()).toBe(true);
  mayBeFound = false;
  await expect.poll(() => options?.ready?.()).toBe(false);
  mayBeFound = true;
  await expect.poll(() => options?.ready?.()).toBe(true);
  await service.stop();
  expect(options?.ready?.()).toBe(false);
});

test('what a listener says of its protocol stands in the registry in place of the usual', async () => {
  const { transport } = listening();
  const registry = memoryRegistry();
  const service = createService({
    name: 'told',
    registry,
    transport,
    logger: silentLogger(),
    server: { address: '127.0.0.1:0' },
  });
  await service.start();
  const [record] = await registry.getService('told');
  expect(record?.nodes[0]?.metadata).toMatchObject({ protocol: 'other', server: 'other', transport: 'memory' });
  await service.stop();
});

test('a transport is told which endpoint is called', async () => {
  const { transport, dialled } = listening();
  const registry = memoryRegistry();
  const service = createService({
    name: 'told',
    registry,
    transport,
    logger: silentLogger(),
    server: { address: '127.0.0.1:0', settleMs: 0 },
  });
  service.server.handle(adder, { add: ({ a }) => ({ sum: a }) });
  await service.start();
  expect(await service.client.of(adder, 'told').add({ a: 1 })).toEqual({ sum: 1 });
  expect(dialled[0]?.endpoint).toMatchObject({ name: 'Adder.Add', kind: 'unary' });
  expect(dialled[0]?.endpoint?.proto).toBeUndefined();
  await service.client
    .of(Sample, 'told')
    .hello({}, { retries: 0 })
    .catch(() => {});
  expect(dialled.at(-1)?.endpoint?.proto?.parent.typeName).toBe(Sample.typeName);
  await service.stop();
});
