import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as door from '../src/index.ts';

const { {{factory}}, plugin } = door;

test('the package hands out its factory and its manifest, and nothing else', () => {
  assert.deepEqual(new Set(Object.keys(door)), new Set(['{{factory}}', 'plugin']));
});

test('the manifest names a store', () => {
  assert.deepEqual([plugin.api, plugin.kind, plugin.name], [1, 'store', '{{backend}}']);
});

test('flags make a store, which can be closed unused', async () => {
  const flags = { store_address: ['127.0.0.1:1', '127.0.0.1:2'], store_database: 'd', store_table: 't' };
  const store = await plugin.create(flags, {});
  assert.equal(store.name, '{{backend}}');
  await store.close();
});

test('an option that makes no sense is refused by its name', async () => {
  await assert.rejects(async () => plugin.create({}, {}), /--store_address/);
  assert.throws(() => {{factory}}({ address: ' ' }), /address/);
  assert.throws(() => {{factory}}({ address: '127.0.0.1', timeoutMs: -1 }), /timeoutMs/);
  assert.throws(() => {{factory}}({ address: '127.0.0.1', table: '' }), /table/);
  assert.throws(() => {{factory}}({ address: '127.0.0.1', maxKeyBytes: -1 }), /maxKeyBytes/);
});
