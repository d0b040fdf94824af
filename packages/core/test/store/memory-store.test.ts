import { describe, expect, test } from 'vitest';
import { eventually } from '../../src/conformance/eventually.ts';
import { runConformance } from '../../src/conformance/run.ts';
import { storeCases } from '../../src/conformance/store.ts';
import { CODE } from '../../src/error/code.ts';
import { memoryStore } from '../../src/store/memory-store.ts';

describe('memoryStore conforms', () => {
  runConformance({
    test,
    cases: storeCases,
    world: () => {
      const store = memoryStore();
      return { create: () => store, close: () => store.close() };
    },
  });
});

const bytes = (length: number): Uint8Array => new Uint8Array(length);

describe('a memory store', () => {
  test('keeps what a call does not place in the database and the table of its options', async () => {
    const store = memoryStore({ database: 'd', table: 't' });
    await store.write({ key: 'a', value: bytes(1) });
    expect(await store.list({ database: 'd', table: 't' })).toEqual(['a']);
    expect(await store.list({ database: 'micro' })).toEqual([]);
    await memoryStore().write({ key: 'a', value: bytes(1) }, { database: 'micro', table: 'micro' });
  });

  test('refuses names in its options that no call could use', () => {
    expect(() => memoryStore({ table: '' })).toThrow('a table is empty');
    expect(() => memoryStore({ database: 'x'.repeat(256) })).toThrow('256 bytes; at most 255');
    expect(() => memoryStore({ maxBytes: -1 })).toThrow('maxBytes is -1');
  });

  test('refuses keys and values beyond its limits, and takes those just within', async () => {
    const store = memoryStore({ maxKeyBytes: 4, maxValueBytes: 20 });
    await store.write({ key: 'éé', value: bytes(20) });
    await store.write({ key: 'a', value: bytes(13), metadata: { a: 1 } });
    await expect(store.write({ key: 'ééx', value: bytes(0) })).rejects.toMatchObject({
      code: CODE.tooLarge,
      detail: 'the key "ééx" has 5 bytes; at most 4 are allowed (maxKeyBytes)',
    });
    await expect(store.write({ key: 'b', value: bytes(14), metadata: { a: 1 } })).rejects.toMatchObject({
      code: CODE.tooLarge,
      detail: 'the value of "b" has 21 bytes with its metadata; at most 20 are allowed (maxValueBytes)',
    });
    expect(await store.list()).toEqual(['a', 'éé']);
  });

  test('takes everything where 0 says that there is no limit', async () => {
    const store = memoryStore({ maxKeyBytes: 0, maxValueBytes: 0, maxBytes: 0 });
    const key = 'k'.repeat(100_000);
    await store.write({ key, value: bytes(17 * 1024 * 1024) });
    expect(await store.list()).toEqual([key]);
  });

  test('is full at its limit in bytes, and has room again once records are deleted, replaced or ended', async () => {
    const store = memoryStore({ maxBytes: 10_000 });
    await store.write({ key: 'a', value: bytes(4_000) });
    await store.write({ key: 'b', value: bytes(4_000) });
    const full = { code: CODE.tooManyRequests, detail: expect.stringContaining('the memory store is full: with "c"') };
    await expect(store.write({ key: 'c', value: bytes(4_000) })).rejects.toMatchObject(full);
    await store.delete('a');
    await store.write({ key: 'c', value: bytes(4_000) });
    await store.write({ key: 'c', value: bytes(10) }, { ttlMs: 1 });
    await store.write({ key: 'd', value: bytes(4_000) });
    await store.delete('d');
    await store.write({ key: 'c', value: bytes(4_000) }, { ttlMs: 1 });
    await eventually(async () => store.write({ key: 'e', value: bytes(4_000) }));
    expect(await store.list()).toEqual(['b', 'e']);
  });

  test('takes metadata that JSON can carry and no other', async () => {
    const store = memoryStore();
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    for (const metadata of [circular, { n: 1n }]) {
      await expect(store.write({ key: 'a', value: bytes(0), metadata })).rejects.toMatchObject({
        code: CODE.badRequest,
        detail: expect.stringContaining('the metadata of "a" cannot be written as JSON'),
      });
    }
    const metadata = { list: [1] };
    await store.write({ key: 'a', value: bytes(0), metadata });
    metadata.list.push(2);
    expect((await store.read('a'))[0]?.metadata).toEqual({ list: [1] });
  });

  test('refuses a value that is no bytes, from callers without types', async () => {
    const record = { key: 'a', value: 'text' as unknown as Uint8Array };
    await expect(memoryStore().write(record)).rejects.toMatchObject({ code: CODE.badRequest });
  });

  test('says that a timeout ended a call, and hands on the reason of a MicroError', async () => {
    const store = memoryStore();
    const signal = AbortSignal.abort(new DOMException('late', 'TimeoutError'));
    await expect(store.list({ signal })).rejects.toMatchObject({ code: CODE.timeout });
  });

  test('holds no timer once it is closed, and none that keeps the process alive before', async () => {
    const before = timers();
    const store = memoryStore();
    await store.write({ key: 'a', value: bytes(0) }, { ttlMs: 60_000 });
    // The test runner has timers of its own, which come and go.
    await eventually(() => expect(timers()).toBeLessThanOrEqual(before));
    await store.close();
    await eventually(() => expect(timers()).toBeLessThanOrEqual(before));
  });
});

/** The timers that keep this process alive. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}
