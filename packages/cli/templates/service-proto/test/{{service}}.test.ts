import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createService, memoryRegistry, memoryTransport, silentLogger } from '@micro/core';
import { {{handler}} } from '../src/gen/{{service}}_pb.ts';
import { handlers } from '../src/handler.ts';

test('a name is answered with a greeting', async (t) => {
  const { client } = await started(t);
  const { msg } = await client.call({ name: 'John' });
  assert.equal(msg, 'Hello John');
});

test('strokes are counted', async (t) => {
  const { client } = await started(t);
  const { count } = await client.clientStream([{ stroke: 1n }, { stroke: 2n }, { stroke: 3n }]);
  assert.equal(count, 3n);
});

test('a count comes one by one', async (t) => {
  const { client } = await started(t);
  const counts: bigint[] = [];
  for await (const { count } of client.serverStream({ count: 2n })) counts.push(count);
  assert.deepEqual(counts, [0n, 1n]);
});

test('strokes are echoed', async (t) => {
  const { client } = await started(t);
  const strokes: bigint[] = [];
  for await (const { stroke } of client.bidiStream([{ stroke: 1n }, { stroke: 2n }])) strokes.push(stroke);
  assert.deepEqual(strokes, [1n, 2n]);
});

test('a service that is stopped finishes what runs', async (t) => {
  const { client, service } = await started(t);
  const counts: bigint[] = [];
  let stopped: Promise<void> | undefined;
  for await (const { count } of client.serverStream({ count: 3n })) {
    stopped ??= service.stop();
    counts.push(count);
  }
  await stopped;
  assert.deepEqual(counts, [0n, 1n, 2n]);
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
