import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as door from '../src/index.ts';

const { {{factory}}, plugin } = door;

test('the package hands out its factory and its manifest, and nothing else', () => {
  assert.deepEqual(new Set(Object.keys(door)), new Set(['{{factory}}', 'plugin']));
});

test('the manifest names an auth', () => {
  assert.deepEqual([plugin.api, plugin.kind, plugin.name], [1, 'auth', '{{backend}}']);
});

test('a flag and a variable make an auth', async () => {
  process.env.{{ENV}}_ADDRESS = '127.0.0.1:1';
  const auth = await plugin.create({ auth_namespace: 'acme' }, {});
  assert.equal(auth.name, '{{backend}}');
});

test('an option that makes no sense is refused by its name', async () => {
  delete process.env.{{ENV}}_ADDRESS;
  await assert.rejects(async () => plugin.create({}, {}), /{{ENV}}_ADDRESS/);
  assert.throws(() => {{factory}}({ address: ' ' }), /address/);
  assert.throws(() => {{factory}}({ address: '127.0.0.1', timeoutMs: -1 }), /timeoutMs/);
  assert.throws(() => {{factory}}({ address: '127.0.0.1', ttlMs: -1 }), /ttlMs/);
});
