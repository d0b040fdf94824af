import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initService, silentLogger } from '@micro/core';
import { test } from 'vitest';
import * as door from '../src/index.ts';

const { lmdbStore, plugin } = door;

test('the package hands out its factory and its manifest, and nothing else', () => {
  assert.deepEqual(new Set(Object.keys(door)), new Set(['lmdbStore', 'plugin']));
});

test('the manifest names a store', () => {
  assert.deepEqual([plugin.api, plugin.kind, plugin.name], [1, 'store', 'lmdb']);
});

test('flags make a store, which can be closed unused', async () => {
  const flags = { store_address: ['./nowhere'], store_database: 'd', store_table: 't' };
  const store = await plugin.create(flags, {});
  assert.equal(store.name, 'lmdb');
  await store.close();
});

test('an option that makes no sense is refused by its name', async () => {
  await assert.rejects(async () => plugin.create({}, {}), /--store_address/);
  assert.throws(() => lmdbStore({ path: ' ' }), /path/);
  assert.throws(() => lmdbStore({ path: 'x', timeoutMs: -1 }), /timeoutMs/);
  assert.throws(() => lmdbStore({ path: 'x', sweepMs: Number.NaN }), /sweepMs/);
  assert.throws(() => lmdbStore({ path: 'x', maxValueBytes: -1 }), /maxValueBytes/);
  assert.throws(() => lmdbStore({ path: 'x', table: '' }), /table/);
});

test('a service that is told the name of the package by a flag keeps its records here', async () => {
  const path = await mkdtemp(join(tmpdir(), 'store-lmdb-'));
  const argv = ['--registry=memory', '--store=@acme/store-lmdb', `--store_address=${path}`];
  const given = { name: 'users', logger: silentLogger() };
  try {
    // Found as it would be from any project: by the name of the package, from a folder.
    await using service = await initService(given, { argv, env: {}, project: import.meta.dirname });
    const { store } = service.components;
    await store?.write({ key: 'ann', value: Buffer.from('I am Ann') });
    assert.deepEqual([store?.name, await store?.list()], ['lmdb', ['ann']]);
  } finally {
    await rm(path, { recursive: true, force: true });
  }
});
