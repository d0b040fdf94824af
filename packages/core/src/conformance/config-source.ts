import assert from 'node:assert/strict';
import type { ConfigObject, ConfigSource, ConfigValue } from '../contract/config.ts';
import { eventually, within } from './eventually.ts';

/** What a source may be unable to carry. Everything is supported unless it is said to be false. */
export interface ConfigSourceSupport {
  /** Values other than texts, and lists. The environment has only texts. */
  readonly types?: boolean | undefined;
  /** Names in any case and with any characters. The environment has lower case words. */
  readonly names?: boolean | undefined;
}

/** One private place that values come from, and its source. */
export interface ConfigSourceWorld {
  /** A source of this place. */
  create(): ConfigSource | Promise<ConfigSource>;
  /** Replaces everything that the place holds. */
  put(values: ConfigObject): void | Promise<void>;
  readonly supports?: ConfigSourceSupport | undefined;
  /** Gives back what the place holds on to. */
  close(): void | Promise<void>;
}

/** How long a source may take to notice a change. */
const NOTICE_MS = 10_000;

/** What every source has to do. A source that never changes has no `watch`, and passes the cases about it. */
export const configSourceCases: Readonly<Record<string, (world: ConfigSourceWorld) => Promise<void>>> = {
  'it has a name': async (world) => {
    await world.put({ a: 'one' });
    assert.notEqual((await world.create()).name, '');
  },

  'what is there is read as a tree': async (world) => {
    await world.put({ server: { host: 'localhost', tls: { cert: 'a b' } }, name: 'größe 🌳' });
    assert.deepEqual(plain(await (await world.create()).read()), {
      name: 'größe 🌳',
      server: { host: 'localhost', tls: { cert: 'a b' } },
    });
  },

  'reading anew reads what is there now': async (world) => {
    await world.put({ a: 'one', b: 'x' });
    const source = await world.create();
    await source.read();
    await world.put({ a: 'two' });
    assert.deepEqual(plain(await source.read()), { a: 'two' });
    await world.put({});
    assert.deepEqual(plain(await source.read()), {});
  },

  'values keep their types': async (world) => {
    if (world.supports?.types === false) return;
    const values = {
      list: ['a', 1, true, [], {}, { deep: [1.5] }],
      number: -1.5,
      zero: 0,
      off: false,
      empty: '',
      text: '007',
      nothing: {},
      none: [],
    };
    await world.put(values);
    assert.deepEqual(plain(await (await world.create()).read()), plain(values));
  },

  'no name means anything': async (world) => {
    if (world.supports?.names === false) return;
    const names = ['__proto__', 'constructor', 'prototype', 'toString', 'a.b', 'größe', 'a b', 'A', 'a', '0'];
    await world.put(Object.fromEntries(names.map((name) => [name, { polluted: 'yes' }])));
    const tree = await (await world.create()).read();
    assert.deepEqual(Object.keys(tree).sort(), [...names].sort());
    for (const name of names) assert.equal(Object.entries(tree[name] ?? {}).join(), 'polluted,yes');
    assert.equal('polluted' in {}, false);
  },

  'what a reader does to a tree changes nothing': async (world) => {
    await world.put({ a: { b: 'one' } });
    const source = await world.create();
    const tree = await source.read();
    for (const object of [tree, tree.a]) {
      try {
        Object.assign(object as object, { b: 'changed' });
      } catch {
        // Frozen is as good as a copy.
      }
    }
    assert.deepEqual(plain(await source.read()), { a: { b: 'one' } });
  },

  'a watch begins with what is there, and yields what changes': async (world) => {
    await world.put({ a: 'one' });
    await watched(world, async (newest) => {
      await newest({ a: 'one' });
      await world.put({ a: 'two' });
      await newest({ a: 'two' });
      await world.put({ b: 'three' });
      await newest({ b: 'three' });
    });
  },

  'a watch ends on the last of many changes': async (world) => {
    await world.put({ a: 'none' });
    await watched(world, async (newest) => {
      await newest({ a: 'none' });
      for (let count = 1; count <= 200; count++) await world.put({ a: `change ${count}` });
      await newest({ a: 'change 200' });
    });
  },

  'a reader that is slow gets the newest': async (world) => {
    await world.put({ a: 'one' });
    const source = await world.create();
    const controller = new AbortController();
    const iterator = source.watch?.({ signal: controller.signal })[Symbol.asyncIterator]();
    if (iterator === undefined) return;
    await within('the first tree of a watch', iterator.next(), NOTICE_MS);
    for (let count = 1; count <= 50; count++) await world.put({ a: `change ${count}` });
    let steps = 0;
    for (let tree: unknown; JSON.stringify(tree) !== '{"a":"change 50"}'; steps++) {
      const next = await within('the newest tree', iterator.next(), NOTICE_MS);
      tree = next.value;
    }
    assert.ok(steps <= 50);
    controller.abort();
  },

  'a watch ends when its signal aborts, also one that waits': async (world) => {
    await world.put({ a: 'one' });
    const source = await world.create();
    const controller = new AbortController();
    const iterator = source.watch?.({ signal: controller.signal })[Symbol.asyncIterator]();
    if (iterator === undefined) return;
    await within('the first tree of a watch', iterator.next(), NOTICE_MS);
    const waiting = iterator.next();
    controller.abort();
    assert.equal((await within('the end of a watch', waiting)).done, true);
    assert.equal((await within('the end of a watch', iterator.next())).done, true);
  },

  'a watch whose signal has aborted before ends at once': async (world) => {
    await world.put({ a: 'one' });
    const iterator = (await world.create()).watch?.({ signal: AbortSignal.abort() })[Symbol.asyncIterator]();
    if (iterator === undefined) return;
    assert.equal((await within('the end of a watch', iterator.next())).done, true);
  },

  'leaving the loop ends a watch, and another one begins with what is there': async (world) => {
    await world.put({ a: 'one' });
    const source = await world.create();
    if (source.watch === undefined) return;
    const { signal } = new AbortController();
    for await (const tree of source.watch({ signal })) {
      assert.deepEqual(plain(tree), { a: 'one' });
      break;
    }
    await world.put({ a: 'two' });
    for await (const tree of source.watch({ signal })) {
      assert.deepEqual(plain(tree), { a: 'two' });
      break;
    }
  },

  'two watches of one source both see a change': async (world) => {
    await world.put({ a: 'one' });
    await watched(world, async (here) => {
      await watched(world, async (there) => {
        await here({ a: 'one' });
        await there({ a: 'one' });
        await world.put({ a: 'two' });
        await here({ a: 'two' });
        await there({ a: 'two' });
      });
    });
  },
};

/** Watches a source of the world while `use` runs, and lets it wait for the newest tree to be a certain one. */
async function watched(
  world: ConfigSourceWorld,
  use: (newest: (expected: ConfigObject) => Promise<void>) => Promise<void>,
): Promise<void> {
  const source = await world.create();
  if (source.watch === undefined) return;
  const controller = new AbortController();
  let newest: ConfigObject | undefined;
  const reading = (async () => {
    for await (const tree of source.watch?.({ signal: controller.signal }) ?? []) newest = tree;
  })();
  // A watch that fails shows in what it does not yield, and at the end.
  reading.catch(() => undefined);
  try {
    await use((expected) =>
      eventually(() => assert.deepEqual(newest === undefined ? undefined : plain(newest), expected), {
        timeoutMs: NOTICE_MS,
      }),
    );
  } finally {
    controller.abort();
    await within('the end of a watch', reading);
  }
}

/** The same tree made of ordinary objects, its names sorted. */
function plain(tree: ConfigValue): ConfigValue {
  if (Array.isArray(tree)) return tree.map(plain);
  if (typeof tree !== 'object' || tree === null) return tree;
  const entries = Object.entries(tree).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, value]) => [name, plain(value)]));
}
