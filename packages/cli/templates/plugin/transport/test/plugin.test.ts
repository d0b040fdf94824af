import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as door from '../src/index.ts';

const { {{factory}}, plugin } = door;

test('the package hands out its factory and its manifest, and nothing else', () => {
  assert.deepEqual(new Set(Object.keys(door)), new Set(['{{factory}}', 'plugin']));
});

test('the manifest names a transport', () => {
  assert.deepEqual([plugin.api, plugin.kind, plugin.name], [1, 'transport', '{{backend}}']);
});

test('it makes a transport, which can be closed unused', async () => {
  const transport = await plugin.create({}, {});
  assert.equal(transport.name, '{{backend}}');
  await transport.close();
});

test('an option that makes no sense is refused by its name', async () => {
  await assert.rejects(async () => plugin.create({ transport_address: ['127.0.0.1'] }, {}), /--transport_address/);
  assert.throws(() => {{factory}}({ maxMessageBytes: -1 }), /maxMessageBytes/);
});
