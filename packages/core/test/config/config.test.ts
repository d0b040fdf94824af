import { describe, expect, test } from 'vitest';
import { createConfig } from '../../src/config/config.ts';
import { memorySource } from '../../src/config/memory-source.ts';
import { eventually, within } from '../../src/conformance/eventually.ts';
import type { ConfigObject, ConfigSource } from '../../src/contract/config.ts';
import type { Logger } from '../../src/contract/logger.ts';
import { CODE } from '../../src/error/code.ts';

const plain = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

/** A logger that keeps its lines. */
function lines(): { readonly logger: Logger; readonly written: string[] } {
  const written: string[] = [];
  const logger: Logger = {
    name: 'lines',
    enabled: () => true,
    log: (level, message) => void written.push(`${level}: ${message}`),
    logf: () => {},
    fields: () => logger,
  };
  return { logger, written };
}

/** A source that does what it is told, and says how often it was asked. */
function source(read: () => Promise<ConfigObject>): ConfigSource & { readonly asked: () => number } {
  let asked = 0;
  return {
    name: 'test',
    asked: () => asked,
    read() {
      asked++;
      return read();
    },
  };
}

describe('a config', () => {
  test('has nothing without sources', async () => {
    const config = await createConfig();
    expect(plain(config.snapshot())).toEqual({ version: 0, values: {} });
    expect(config.get('a').string('fallback')).toBe('fallback');
    await config.close();
  });

  test('lays later sources over earlier ones, also those that are loaded later', async () => {
    const first = memorySource({ server: { host: 'a', port: 1 }, only: 'first' });
    const config = await createConfig({ sources: [first, memorySource({ server: { port: 2 } })] });
    expect(plain(config.get().value())).toEqual({ server: { host: 'a', port: 2 }, only: 'first' });
    await config.load(memorySource({ server: { port: 3 }, only: null }));
    expect(config.get('server', 'port').number()).toBe(3);
    expect(config.get('only').exists()).toBe(false);
    // What an earlier source says later does not come up.
    first.update({ server: { host: 'b', port: 9 } });
    await eventually(() => expect(plain(config.get('server').value())).toEqual({ host: 'b', port: 3 }));
    await config.close();
  });

  test('counts a version with each change, and with nothing else', async () => {
    const values = memorySource({ a: 1 });
    const config = await createConfig({ sources: [values], watch: false });
    const before = config.snapshot();
    expect(before.version).toBe(1);
    await config.sync();
    config.set(1, 'a');
    config.delete('b');
    expect(config.snapshot()).toEqual(before);
    values.update({ a: 2 });
    await config.sync();
    expect(plain(config.snapshot())).toEqual({ version: 2, values: { a: 2 } });
    expect(plain(before.values)).toEqual({ a: 1 });
    await config.close();
  });

  test('reads every source or does not come to be', async () => {
    const failing = source(() => Promise.reject(new Error('No such host')));
    await expect(createConfig({ sources: [memorySource(), failing] })).rejects.toMatchObject({
      code: CODE.unavailable,
      detail: 'the config source test cannot be read: no such host',
    });
    const config = await createConfig({ sources: [memorySource({ a: 1 })] });
    const other = source(() => Promise.reject(new Error('gone')));
    await expect(config.load(memorySource({ a: 2 }), failing, other)).rejects.toMatchObject({
      detail: 'the config source test cannot be read: no such host; the config source test cannot be read: gone',
    });
    expect(config.get('a').number()).toBe(1);
    await config.close();
  });

  test('does not wait for a source that hangs', async () => {
    const hanging = source(() => new Promise(() => {}));
    await expect(createConfig({ sources: [hanging], readTimeoutMs: 20 })).rejects.toMatchObject({
      code: CODE.timeout,
      detail: 'reading the config source test took longer than 20 ms',
    });
  });

  test('refuses a tree that no config can hold', async () => {
    const bad = source(async () => ({ a: { b: (() => 1) as unknown as string } }));
    await expect(createConfig({ sources: [bad] })).rejects.toMatchObject({
      detail: 'the config source test: the value at a.b is of type function, which a config cannot hold',
    });
  });

  test('syncs what can be read, keeps the rest, and says what could not', async () => {
    let broken = false;
    const flaky = source(async () => {
      if (broken) throw new Error('gone');
      return { flaky: 'good' };
    });
    const values = memorySource({ a: 1 });
    const config = await createConfig({ sources: [flaky, values], watch: false });
    broken = true;
    values.update({ a: 2 });
    await expect(config.sync()).rejects.toMatchObject({ detail: expect.stringContaining('gone') });
    expect(plain(config.snapshot().values)).toEqual({ flaky: 'good', a: 2 });
    expect(flaky.asked()).toBe(2);
    await config.close();
  });

  test('keeps what was set until a source changes, and no longer', async () => {
    const values = memorySource({ a: 1, b: { c: 2 } });
    const config = await createConfig({ sources: [values], watch: false });
    config.set({ deep: ['x'] }, 'a', 'new');
    config.set('over', 'b', 'c');
    config.delete('b', 'missing', 'deeper');
    expect(plain(config.get().value())).toEqual({ a: { new: { deep: ['x'] } }, b: { c: 'over' } });
    await config.sync();
    expect(config.get('b', 'c').string()).toBe('over');
    config.delete('b');
    expect(config.get('b').exists()).toBe(false);
    values.update({ a: 1, b: { c: 3 } });
    await config.sync();
    expect(plain(config.get().value())).toEqual({ a: 1, b: { c: 3 } });
    config.delete();
    expect(plain(config.get().value())).toEqual({});
    expect(() => config.set([1])).toThrow('what is set in the config is a list at the top');
    expect(() => config.set(Number.NaN, 'a')).toThrow('what is set in the config: the value at the root is NaN');
    await config.close();
  });

  test('cannot be polluted by what is set', async () => {
    const config = await createConfig();
    config.set('x', '__proto__', 'polluted');
    config.set('x', 'constructor', 'prototype', 'polluted');
    expect('polluted' in {}).toBe(false);
    expect(config.get('__proto__', 'polluted').string()).toBe('x');
    expect(config.get('toString').exists()).toBe(false);
    await config.close();
  });

  test('has readers that stay what they were', async () => {
    const config = await createConfig({ sources: [memorySource({ a: 1 })] });
    const before = config.get('a');
    config.set(2, 'a');
    expect([before.number(), config.get('a').number()]).toEqual([1, 2]);
    await config.close();
  });

  test('loads one after the other, so that sources stand in the order of the calls', async () => {
    const config = await createConfig();
    const slow = source(async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return { a: 'slow' };
    });
    await Promise.all([config.load(slow), config.load(memorySource({ a: 'fast' }))]);
    expect(config.get('a').string()).toBe('fast');
    await config.close();
  });

  test('is closed twice without a word, still has its values, and takes no others', async () => {
    const values = memorySource({ a: 1 });
    const config = await createConfig({ sources: [values] });
    await config.close();
    await config.close();
    values.update({ a: 2 });
    expect(config.get('a').number()).toBe(1);
    await expect(config.load(memorySource())).rejects.toMatchObject({ code: CODE.unavailable });
    await expect(config.sync()).rejects.toMatchObject({ code: CODE.unavailable });
    expect(() => config.set(1, 'a')).toThrow('the config is closed');
    for await (const _ of config.watch([])) throw new Error('a closed config yields nothing');
  });
});

describe('watching a config', () => {
  test('yields the value at a path when it changes, and only then', async () => {
    const values = memorySource({ a: { b: 1 }, other: 1 });
    const config = await createConfig({ sources: [values] });
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const reader of config.watch(['a'])) seen.push(plain(reader.value()));
    })();
    values.update({ a: { b: 1 }, other: 2 });
    await eventually(() => expect(config.get('other').number()).toBe(2));
    values.update({ a: { b: 2 }, other: 2 });
    await eventually(() => expect(seen).toEqual([{ b: 2 }]));
    values.update({ other: 2 });
    await eventually(() => expect(seen).toEqual([{ b: 2 }, undefined]));
    config.set({ b: 3 }, 'a');
    await eventually(() => expect(seen).toEqual([{ b: 2 }, undefined, { b: 3 }]));
    await config.close();
    await within('the end of the watch', reading);
  });

  test('ends on the last of 1,000 changes, however slow its reader is', async () => {
    const values = memorySource({ count: 0 });
    const config = await createConfig({ sources: [values] });
    const watch = config.watch(['count'])[Symbol.asyncIterator]();
    for (let count = 1; count <= 1_000; count++) {
      values.update({ count });
      if (count % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const seen: number[] = [];
    do {
      seen.push((await within('the next value', watch.next())).value.number());
    } while (seen.at(-1) !== 1_000);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    await config.close();
  });

  test('ends on the last of 1,000 values that are set while its reader sleeps', async () => {
    const config = await createConfig();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const reader of config.watch(['count'])) {
        seen.push(reader.number());
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    for (let count = 1; count <= 1_000; count++) config.set(count, 'count');
    await eventually(() => expect(seen.at(-1)).toBe(1_000));
    expect(seen.length).toBeLessThan(20);
    await config.close();
    await reading;
  });

  test('misses nothing that changes before the first value is asked for', async () => {
    const config = await createConfig({ sources: [memorySource({ a: 1 })] });
    const watch = config.watch(['a'])[Symbol.asyncIterator]();
    config.set(2, 'a');
    expect((await within('the change', watch.next())).value.number()).toBe(2);
    await config.close();
  });

  test('ends with its signal, with the loop, and with return while it waits', async () => {
    const config = await createConfig({ sources: [memorySource({ a: 1 })] });
    const controller = new AbortController();
    const first = config.watch(['a'], { signal: controller.signal })[Symbol.asyncIterator]();
    const waiting = first.next();
    controller.abort();
    expect(await within('the end', waiting)).toEqual({ done: true, value: undefined });
    const second = config.watch(['a'])[Symbol.asyncIterator]();
    const pending = second.next();
    await within('return', Promise.resolve(second.return?.()));
    expect((await within('the end', pending)).done).toBe(true);
    const aborted = config.watch(['a'], { signal: AbortSignal.abort() })[Symbol.asyncIterator]();
    expect((await aborted.next()).done).toBe(true);
    await config.close();
  });
});

describe('a config whose source fails', () => {
  test('keeps the last good values, says so once, and follows it again', async () => {
    const { logger, written } = lines();
    const place = memorySource({ a: 1 });
    let broken = false;
    const flaky: ConfigSource = {
      name: 'flaky',
      async read() {
        if (broken) throw new Error('gone');
        return place.read();
      },
      async *watch({ signal }) {
        for await (const values of place.watch?.({ signal }) ?? []) {
          if (broken) throw new Error('gone');
          yield values;
        }
      },
    };
    const config = await createConfig({ sources: [flaky], logger, retryMs: 5 });
    broken = true;
    place.update({ a: 2 });
    const complaint = 'warn: the config keeps its values of the source flaky: ';
    await eventually(() => expect(written).toContain(`${complaint}gone`));
    expect(config.get('a').number()).toBe(1);
    broken = false;
    await eventually(() => expect(config.get('a').number()).toBe(2));
    await eventually(() => expect(written.at(-1)).toBe('info: the config follows the source flaky again'));
    expect(written.filter((line) => line === `${complaint}gone`)).toHaveLength(1);
    place.update({ a: 3 });
    await eventually(() => expect(config.get('a').number()).toBe(3));
    await config.close();
  });

  test('keeps the last good values when it yields what no config can hold, and goes on', async () => {
    const { logger, written } = lines();
    let bad = true;
    const place = memorySource({ a: 1 });
    const odd: ConfigSource = {
      name: 'odd',
      read: async () => ({ a: 0 }),
      async *watch({ signal }) {
        for await (const values of place.watch?.({ signal }) ?? []) {
          yield bad ? (['a list'] as unknown as ConfigObject) : values;
        }
      },
    };
    const config = await createConfig({ sources: [odd], logger });
    await eventually(() =>
      expect(written).toEqual([
        'warn: the config keeps its values of the source odd: the config source odd is a list at the top; put names and values there',
      ]),
    );
    bad = false;
    place.update({ a: 2 });
    await eventually(() => expect(config.get('a').number()).toBe(2));
    await config.close();
  });

  test('closes although a watch ignores its signal', async () => {
    const deaf: ConfigSource = {
      name: 'deaf',
      read: async () => ({}),
      watch: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }),
    };
    const config = await createConfig({ sources: [deaf] });
    await within('closing', config.close());
  });

  test('does not let a slow read undo a later change', async () => {
    const place = memorySource({ a: 'old' });
    let release: () => void = () => {};
    let reads = 0;
    const slow: ConfigSource = {
      name: 'slow',
      async read() {
        const values = await place.read();
        if (reads++ > 0) await new Promise<void>((resolve) => (release = resolve));
        return values;
      },
      watch: (options) => place.watch?.(options) ?? ([][Symbol.iterator]() as never),
    };
    const config = await createConfig({ sources: [slow] });
    const syncing = config.sync();
    await eventually(() => expect(reads).toBe(2));
    place.update({ a: 'new' });
    await eventually(() => expect(config.get('a').string()).toBe('new'));
    release();
    await syncing;
    expect(config.get('a').string()).toBe('new');
    await config.close();
  });
});
