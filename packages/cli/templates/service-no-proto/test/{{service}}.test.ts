import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createService, memoryRegistry, memoryTransport, silentLogger } from '@micro/core';
import { {{handler}} } from '../src/contract.ts';
import { handlers } from '../src/handler.ts';

test('a name is answered with a greeting', async (t) => {
  const { client } = await started(t);
  const { msg } = await client.call({ name: 'John' });
  assert.equal(msg, 'Hello John');
});

test('strokes are counted', async (t) => {
  const { client } = await started(t);
  const { count } = await client.clientStream([{ stroke: 1 }, { stroke: 2 }, { stroke: 3 }]);
  assert.equal(count, 3);
});

test('a count comes one by one', async (t) => {
  const { client } = await started(t);
  const counts: number[] = [];
  for await (const { count } of client.serverStream({ count: 2 })) counts.push(count);
  assert.deepEqual(counts, [0, 1]);
});

test('strokes are echoed', async (t) => {
  const { client } = await started(t);
  const strokes: number[] = [];
  for await (const { stroke } of client.bidiStream([{ stroke: 1 }, { stroke: 2 }])) strokes.push(stroke);
  assert.deepEqual(strokes, [1, 2]);
});

test('a service that is stopped finishes what runs', async (t) => {
  const { client, service } = await started(t);
  const counts: number[] = [];
  let stopped: Promise<void> | undefined;
  for await (const { count } of client.serverStream({ count: 3 })) {
    stopped ??= service.stop();
    counts.push(count);
  }
  await stopped;
  assert.deepEqual(counts, [0, 1, 2]);
});

/** The service in this process, where nobody else finds it, and a client of it. No port is opened. */
async function started(t: TestContext) {
  const service = createService({
    name: '{{service}}',
    registry: memoryRegistry(),
    transport: memoryTransport(),
    logger: silentLogger(),
  });
  service.server.handle({{handler}}, handlers);
  await service.start();
  t.after(() => service.stop());
  return { service, client: service.client.of({{handler}}, '{{service}}') };
}
