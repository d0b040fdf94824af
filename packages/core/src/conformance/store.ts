import assert from 'node:assert/strict';
import type { Store, StoreRecord, StoreScope } from '../contract/store.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { eventually } from './eventually.ts';

/** What a store may be unable to keep. Everything is supported unless it is said to be false. */
export interface StoreSupport {
  /** Metadata beside the value. go-micro's Redis store has no room for it. */
  readonly metadata?: boolean | undefined;
  /** Databases that are kept apart, beside tables. */
  readonly databases?: boolean | undefined;
}

/** One private universe of stores: what one of them writes, the others read. */
export interface StoreWorld {
  /** Another store that sees the same records, or the same store again. */
  create(): Store | Promise<Store>;
  readonly supports?: StoreSupport | undefined;
  /** Closes every store that was made. */
  close(): void | Promise<void>;
}

/** The shortest ttl that every backend can keep; some count in whole seconds. */
const TTL_MS = 1_000;
/** How long a backend may take to notice that a ttl is over. */
const EXPIRY_MS = 10_000;

/** What every store has to do. */
export const storeCases: Readonly<Record<string, (world: StoreWorld) => Promise<void>>> = {
  'what is not there is no record, and no error': async (world) => {
    const store = await world.create();
    assert.deepEqual(await store.read('nothing'), []);
    assert.deepEqual(await store.read('nothing', { prefix: true }), []);
    assert.deepEqual([...(await store.list())], []);
    await store.delete('nothing');
  },

  'a record is read as it was written': async (world) => {
    const store = await world.create();
    const value = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    await store.write({ key: 'bytes', value });
    await store.write({ key: 'empty', value: new Uint8Array() });
    assert.deepEqual(await texts(store, 'bytes'), [['bytes', Buffer.from(value).toString('latin1')]]);
    assert.deepEqual(await texts(store, 'empty'), [['empty', '']]);
    const [record] = await store.read('bytes');
    assert.equal(record?.expiresAt, undefined, 'a record without a ttl does not end');
  },

  'a second write replaces the record': async (world) => {
    const store = await world.create();
    await store.write(record('a', 'one'), { ttlMs: 60_000 });
    await store.write(record('a', 'two'));
    assert.deepEqual(await texts(store, 'a'), [['a', 'two']]);
    const [read] = await store.read('a');
    assert.equal(read?.expiresAt, undefined, 'the end of the first record is not that of the second');
  },

  'a deleted record is gone, and may be written again': async (world) => {
    const store = await world.create();
    await store.write(record('a', 'one'));
    await store.delete('a');
    assert.deepEqual(await store.read('a'), []);
    assert.deepEqual([...(await store.list())], []);
    await store.write(record('a', 'two'));
    assert.deepEqual(await texts(store, 'a'), [['a', 'two']]);
  },

  'two stores of one world see the same records': async (world) => {
    const [here, there] = [await world.create(), await world.create()];
    await here.write(record('a', 'one'));
    assert.deepEqual(await texts(there, 'a'), [['a', 'one']]);
  },

  'what a caller does to a value later changes nothing': async (world) => {
    const store = await world.create();
    const value = Buffer.from('one');
    const writing = store.write({ key: 'a', value });
    value.fill(0);
    await writing;
    const [read] = await store.read('a');
    read?.value.fill(0);
    assert.deepEqual(await texts(store, 'a'), [['a', 'one']]);
  },

  'metadata is read as it was written': async (world) => {
    if (world.supports?.metadata === false) return;
    const store = await world.create();
    const metadata = JSON.parse('{"n":1.5,"s":"größe 🌳","deep":{"list":[1,null,true]},"__proto__":{"x":1},"":""}');
    await store.write({ key: 'a', value: new Uint8Array(), metadata });
    const [read] = await store.read('a');
    assert.equal(JSON.stringify(read?.metadata), JSON.stringify(metadata));
    assert.equal(Object.hasOwn(Object.prototype, 'x'), false);
    await store.write({ key: 'a', value: new Uint8Array() });
    assert.equal((await store.read('a'))[0]?.metadata, undefined);
  },

  'a prefix means the keys that begin with it, all of them without a limit': async (world) => {
    const store = await filled(world, ['a/1', 'a/2', 'a/3', 'b/1', 'ab', 'A/1']);
    assert.deepEqual(await readKeys(store, 'a/', { prefix: true }), ['a/1', 'a/2', 'a/3']);
    assert.deepEqual(await readKeys(store, 'a', { prefix: true }), ['a/1', 'a/2', 'a/3', 'ab']);
    assert.deepEqual([...(await store.list({ prefix: 'a/' }))], ['a/1', 'a/2', 'a/3']);
    assert.equal((await readKeys(store, '', { prefix: true })).length, 6, 'the empty text begins every key');
  },

  'a suffix means the keys that end with it, and both together mean both': async (world) => {
    const store = await filled(world, ['a/1', 'b/1', 'a/2', '1']);
    assert.deepEqual(await readKeys(store, '/1', { suffix: true }), ['a/1', 'b/1']);
    assert.deepEqual([...(await store.list({ suffix: '/1' }))], ['a/1', 'b/1']);
    assert.deepEqual([...(await store.list({ prefix: 'a', suffix: '1' }))], ['a/1']);
    assert.deepEqual(await readKeys(store, '1', { prefix: true, suffix: true }), ['1']);
  },

  'what would be a pattern elsewhere is a plain text in a prefix and a suffix': async (world) => {
    const store = await filled(world, ['a*c', 'abc', 'a?c', 'a[b]c', 'a%c', 'a_c', 'a\\c']);
    for (const prefix of ['a*', 'a?', 'a[b]', 'a%', 'a_', 'a\\']) {
      assert.deepEqual([...(await store.list({ prefix }))], [`${prefix}c`]);
    }
    assert.deepEqual([...(await store.list({ suffix: '*c' }))], ['a*c']);
  },

  'limit and offset page through the sorted keys that are meant': async (world) => {
    const store = await filled(world, ['b/1', 'a/3', 'a/1', 'a/2', 'c', 'a/4']);
    const prefix = 'a/';
    assert.deepEqual([...(await store.list({ prefix, limit: 2 }))], ['a/1', 'a/2']);
    assert.deepEqual([...(await store.list({ prefix, limit: 2, offset: 1 }))], ['a/2', 'a/3']);
    assert.deepEqual([...(await store.list({ prefix, limit: 3, offset: 3 }))], ['a/4']);
    assert.deepEqual([...(await store.list({ prefix, offset: 3 }))], ['a/4']);
    assert.deepEqual([...(await store.list({ prefix, offset: 4 }))], []);
    assert.deepEqual([...(await store.list({ prefix, limit: 1, offset: 99 }))], []);
    assert.deepEqual([...(await store.list({ prefix: 'b', limit: 3 }))], ['b/1']);
    assert.deepEqual([...(await store.list({ limit: 0, offset: 4 }))], ['b/1', 'c'], '0 is no limit');
    assert.deepEqual(await readKeys(store, prefix, { prefix: true, limit: 2, offset: 1 }), ['a/2', 'a/3']);
    assert.deepEqual(await readKeys(store, prefix, { prefix: true, offset: 9 }), []);
  },

  'pages put together are everything, each record once': async (world) => {
    const keys = Array.from({ length: 25 }, (_, index) => `k${index}`);
    const store = await filled(world, keys);
    const paged: string[] = [];
    for (let offset = 0; offset < 30; offset += 7) paged.push(...(await store.list({ limit: 7, offset })));
    assert.deepEqual(paged, [...keys].sort());
  },

  'keys are sorted by their UTF-8 bytes': async (world) => {
    const sorted = ['!', '0', '10', '9', 'A', 'a', 'a ', 'aa', 'é', '世', '\uff61', '😀'];
    const store = await filled(world, [...sorted].reverse());
    assert.deepEqual([...(await store.list())], sorted);
  },

  'keys are opaque: paths, separators, NUL and every script are told apart': async (world) => {
    const keys = [
      ...['..', '.', '/', '//', 'a//b', 'a/b', '../micro/a', 'micro/micro/a', ' ', ' a', 'a ', 'a\u0000', 'a\u0000b'],
      ...['\u0000', '\n', 'a:b', 'a*', '{a}', '__proto__', 'constructor', 'e\u0301', 'é', '木', '🌳'],
    ];
    const store = await filled(world, keys);
    for (const key of keys) assert.deepEqual(await texts(store, key), [[key, key]]);
    assert.deepEqual([...(await store.list())].sort(), [...keys].sort());
    for (const key of keys) await store.delete(key);
    assert.deepEqual([...(await store.list())], []);
  },

  'a table sees nothing of another, whatever the names and the keys are': async (world) => {
    const store = await world.create();
    const tables = ['t', 'tt', 't/u', 't/', '..', '../t', 't\u0000u', 'T', 'größe', 't:u', 't*'];
    for (const table of tables) {
      for (const key of ['k', 'u/k', '../t/k', '\u0000u\u0000k', 'tk']) {
        await store.write(record(key, table), { table });
      }
    }
    for (const table of tables) {
      const records = await store.read('', { table, prefix: true });
      assert.deepEqual([...new Set(records.map(text))], [table]);
      assert.equal(records.length, 5);
    }
    await store.delete('k', { table: 't' });
    assert.equal((await store.list({ table: 't' })).length, 4);
    for (const table of tables.slice(1)) assert.equal((await store.list({ table })).length, 5);
    assert.deepEqual([...(await store.list({ table: 'nobody' }))], []);
  },

  'a database sees nothing of another': async (world) => {
    if (world.supports?.databases === false) return;
    const store = await world.create();
    const scopes: readonly StoreScope[] = [
      { database: 'a', table: 'bc' },
      { database: 'ab', table: 'c' },
      { database: 'a' },
      { table: 'a' },
      { database: 'a/b', table: 'c' },
      { database: 'a', table: 'b/c' },
      { database: 'a\u0000b', table: 'c' },
      { database: 'a', table: 'b\u0000c' },
    ];
    for (const scope of scopes) await store.write(record('k', JSON.stringify(scope)), scope);
    for (const scope of scopes) {
      assert.deepEqual((await store.read('', { ...scope, prefix: true })).map(text), [JSON.stringify(scope)]);
    }
  },

  'a record ends with its ttl, says when, and is then neither read nor listed': async (world) => {
    const store = await world.create();
    const begin = Date.now();
    await store.write(record('short', 'x'), { ttlMs: TTL_MS });
    await store.write(record('long', 'x'), { ttlMs: 600_000 });
    await store.write(record('ever', 'x'), { ttlMs: 0 });
    const [read] = await store.read('long');
    const left = (read?.expiresAt ?? 0) - begin;
    assert.ok(left > 590_000 && left < 610_000, `it ends in ${left} ms`);
    await eventually(async () => assert.deepEqual(await store.read('short'), []), { timeoutMs: EXPIRY_MS });
    assert.deepEqual([...(await store.list())], ['ever', 'long']);
    assert.deepEqual([...(await store.list({ limit: 1, offset: 1 }))], ['long'], 'what ended takes no place in a page');
    assert.deepEqual(await readKeys(store, '', { prefix: true, limit: 2 }), ['ever', 'long']);
  },

  'a record that ended may be written again': async (world) => {
    const store = await world.create();
    await store.write(record('a', 'one'), { ttlMs: TTL_MS });
    await eventually(async () => assert.deepEqual(await store.read('a'), []), { timeoutMs: EXPIRY_MS });
    await store.write(record('a', 'two'));
    assert.deepEqual(await texts(store, 'a'), [['a', 'two']]);
  },

  'a ttl below 0, which would be a record that never ends, is a bad request': async (world) => {
    const store = await world.create();
    for (const ttlMs of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      await refused(store.write(record('a', 'x'), { ttlMs }), CODE.badRequest);
    }
    assert.deepEqual(await store.read('a'), []);
  },

  'a key or a name that is empty or half a character is a bad request': async (world) => {
    const store = await world.create();
    for (const bad of ['', 'a\ud800', '\udc00']) {
      await refused(store.write(record(bad, 'x')), CODE.badRequest);
      await refused(store.read(bad), CODE.badRequest);
      await refused(store.delete(bad), CODE.badRequest);
      await refused(store.write(record('a', 'x'), { table: bad }), CODE.badRequest);
      await refused(store.list({ table: bad }), CODE.badRequest);
      await refused(store.list({ database: bad }), CODE.badRequest);
    }
    assert.deepEqual([...(await store.list())], []);
  },

  'a limit or an offset that is no whole number from 0 on is a bad request': async (world) => {
    const store = await filled(world, ['a']);
    for (const bad of [-1, 0.5, Number.NaN]) {
      await refused(store.list({ limit: bad }), CODE.badRequest);
      await refused(store.list({ offset: bad }), CODE.badRequest);
      await refused(store.read('a', { prefix: true, limit: bad }), CODE.badRequest);
    }
  },

  'many writes at once are all kept': async (world) => {
    const store = await world.create();
    const keys = Array.from({ length: 200 }, (_, index) => `k${String(index).padStart(3, '0')}`);
    await Promise.all(keys.map((key) => store.write(record(key, key))));
    assert.deepEqual([...(await store.list())], keys);
  },

  'writes to one key are kept in the order in which they were begun': async (world) => {
    const store = await world.create();
    const writes = Array.from({ length: 50 }, (_, index) => store.write(record('a', String(index))));
    await Promise.all(writes);
    assert.deepEqual(await texts(store, 'a'), [['a', '49']]);
    await Promise.all([store.write(record('a', 'x')), store.delete('a')]);
    assert.deepEqual(await store.read('a'), []);
  },

  'a call whose signal has aborted is cancelled and does nothing': async (world) => {
    const store = await world.create();
    const signal = AbortSignal.abort();
    await refused(store.write(record('a', 'x'), { signal }), CODE.cancelled);
    await refused(store.read('a', { signal }), CODE.cancelled);
    await refused(store.list({ signal }), CODE.cancelled);
    await refused(store.delete('a', { signal }), CODE.cancelled);
    assert.deepEqual(await store.read('a'), []);
  },

  'a closed store is unavailable, and closing it again does nothing': async (world) => {
    const store = await filled(world, ['a']);
    await store.close();
    await store.close();
    await refused(store.read('a'), CODE.unavailable);
    await refused(store.list(), CODE.unavailable);
    await refused(store.write(record('a', 'x')), CODE.unavailable);
    await refused(store.delete('a'), CODE.unavailable);
  },

  'a store that was never used can be closed': async (world) => {
    const store = await world.create();
    await store.close();
    await refused(store.list(), CODE.unavailable);
  },
};

function record(key: string, value: string): { readonly key: string; readonly value: Uint8Array } {
  return { key, value: Buffer.from(value) };
}

async function filled(world: StoreWorld, keys: readonly string[]): Promise<Store> {
  const store = await world.create();
  for (const key of keys) await store.write(record(key, key));
  return store;
}

function text({ value }: StoreRecord): string {
  return Buffer.from(value).toString();
}

async function texts(store: Store, key: string): Promise<(readonly [string, string])[]> {
  const records = await store.read(key);
  return records.map((one) => [one.key, key === 'bytes' ? Buffer.from(one.value).toString('latin1') : text(one)]);
}

async function readKeys(store: Store, key: string, options: Parameters<Store['read']>[1]): Promise<readonly string[]> {
  return (await store.read(key, options)).map((one) => one.key);
}

async function refused(promise: Promise<unknown>, code: number): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof MicroError, String(error));
    assert.equal(error.code, code, error.detail);
    return true;
  });
}
