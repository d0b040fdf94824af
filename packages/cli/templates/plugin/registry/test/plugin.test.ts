import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as door from '../src/index.ts';

const { {{factory}}, plugin } = door;

test('the package hands out its factory and its manifest, and nothing else', () => {
  assert.deepEqual(new Set(Object.keys(door)), new Set(['{{factory}}', 'plugin']));
});

test('the manifest names a registry', () => {
  assert.deepEqual([plugin.api, plugin.kind, plugin.name], [1, 'registry', '{{backend}}']);
});

test('flags make a registry, which can be closed unused', async () => {
  const registry = await plugin.create({ registry_address: ['127.0.0.1:1', '127.0.0.1:2'] }, {});
  assert.equal(registry.name, '{{backend}}');
  await registry.close();
});

test('an option that makes no sense is refused by its name', async () => {
  await assert.rejects(async () => plugin.create({}, {}), /--registry_address/);
  assert.throws(() => {{factory}}({ address: ' ' }), /address/);
  assert.throws(() => {{factory}}({ address: '127.0.0.1', timeoutMs: -1 }), /timeoutMs/);
});
