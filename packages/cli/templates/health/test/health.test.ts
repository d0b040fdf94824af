import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createService, memoryRegistry, silentLogger } from '@micro/core';
import { ready } from '../src/health.ts';

test('a service without a fault is ready', () => ready());

test('everything that is missing is named', async () => {
  const checks = {
    disk: () => {
      throw new Error('full');
    },
    memory: () => 'plenty',
    model: () => Promise.reject(new Error('not loaded')),
  };
  await assert.rejects(ready(checks), { message: 'disk: full; model: not loaded' });
});

test('a service is ready once nothing is missing', async (t) => {
  let loaded = false;
  const model = () => {
    if (!loaded) throw new Error('not loaded');
  };
  const service = createService({
    name: 'health-test',
    registry: memoryRegistry(),
    logger: silentLogger(),
    server: { address: '127.0.0.1:0', registerIntervalMs: 20, registerCheck: () => ready({ model }) },
  });
  service.server.handle('Test', { async hello() {} });
  await service.start();
  t.after(() => service.stop());

  const status = async () => (await fetch(`http://${service.server.address}/health/ready`)).status;
  assert.equal(await status(), 503);
  loaded = true;
  const end = Date.now() + 10_000;
  while ((await status()) !== 200) {
    assert.ok(Date.now() < end, 'the service is not ready after 10 seconds');
    await pause(20);
  }
});
