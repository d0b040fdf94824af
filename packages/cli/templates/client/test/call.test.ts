import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CODE, createService, memoryRegistry, memoryTransport, silentLogger } from '@micro/core';
import { callOnce } from '../src/call.ts';

test('a service that nobody runs is missed by its name', async (t) => {
  const service = createService({
    name: '{{client}}',
    registry: memoryRegistry(),
    transport: memoryTransport(),
    logger: silentLogger(),
  });
  t.after(() => service.stop());
  await assert.rejects(callOnce(service.client), { code: CODE.notFound, message: /{{service}}/ });
});
