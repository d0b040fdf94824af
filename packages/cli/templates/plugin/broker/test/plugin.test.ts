import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as door from '../src/index.ts';

const { {{factory}}, plugin } = door;

test('the package hands out its factory and its manifest, and nothing else', () => {
  assert.deepEqual(new Set(Object.keys(door)), new Set(['{{factory}}', 'plugin']));
});

test('the manifest names a broker', () => {
  assert.deepEqual([plugin.api, plugin.kind, plugin.name], [1, 'broker', '{{backend}}']);
});

test('flags make a broker, which can be disconnected unused', async () => {
  const broker = await plugin.create({ broker_address: ['127.0.0.1:1', '127.0.0.1:2'] }, {});
  assert.equal(broker.name, '{{backend}}');
  await broker.disconnect();
});

test('an option that makes no sense is refused by its name', async () => {
  await assert.rejects(async () => plugin.create({}, {}), /--broker_address/);
  assert.throws(() => {{factory}}({ address: ' ' }), /address/);
  assert.throws(() => {{factory}}({ address: '127.0.0.1', timeoutMs: -1 }), /timeoutMs/);
  assert.throws(() => {{factory}}({ address: '127.0.0.1', maxMessageBytes: -1 }), /maxMessageBytes/);
});
