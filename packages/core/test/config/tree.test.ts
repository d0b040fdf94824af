import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { merge, toObject, toTree, valueAt, withoutValue, withValue } from '../../src/config/tree.ts';
import type { ConfigValue } from '../../src/contract/config.ts';
import { CODE } from '../../src/error/code.ts';

const tree = (value: unknown): ConfigValue => toTree(value, 'it');
const plain = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

test.each([
  ['objects name by name', { a: { b: 1, c: 2 } }, { a: { c: 3 } }, { a: { b: 1, c: 3 } }],
  [
    'a scalar over a scalar, empty ones too',
    { a: 1, b: 'x', c: true },
    { a: 0, b: '', c: false },
    { a: 0, b: '', c: false },
  ],
  ['null over anything', { a: { b: 1 }, c: 1 }, { a: null, c: null }, { a: null, c: null }],
  ['anything over null', { a: null, b: null }, { a: { b: 1 }, b: 2 }, { a: { b: 1 }, b: 2 }],
  ['a list over a list as a whole', { a: [1, 2, 3] }, { a: [] }, { a: [] }],
  ['a list over a scalar and a scalar over a list', { a: 1, b: [1] }, { a: [1], b: 1 }, { a: [1], b: 1 }],
  ['a scalar over an object', { a: { b: 1 } }, { a: 1 }, { a: 1 }],
  ['an object over a scalar', { a: 1, b: 'x' }, { a: { b: 1 }, b: { c: 2 } }, { a: { b: 1 }, b: { c: 2 } }],
  ['an object over a list', { a: [1] }, { a: { b: 1 } }, { a: { b: 1 } }],
  ['an empty object over an object, which keeps it', { a: { b: 1 } }, { a: {} }, { a: { b: 1 } }],
  ['names in two cases apart', { a: 1 }, { A: 2 }, { a: 1, A: 2 }],
])('merging lays %s', (_, earlier, later, expected) => {
  expect(plain(merge(tree(earlier), tree(later)))).toEqual(expected);
});

const anyTree = fc.jsonValue({ maxDepth: 4 }).map(tree);

test('merging a tree once more, or one with itself, changes nothing', () => {
  fc.assert(
    fc.property(anyTree, anyTree, (a, b) => {
      expect(merge(merge(a, b), b)).toEqual(merge(a, b));
      expect(merge(a, a)).toEqual(a);
    }),
  );
});

test('what is put at a path is found there, and gone when it is removed', () => {
  fc.assert(
    fc.property(anyTree, fc.array(fc.string(), { minLength: 1, maxLength: 4 }), anyTree, (a, path, value) => {
      const changed = withValue(a, path, value);
      expect(valueAt(changed, path)).toEqual(value);
      expect(valueAt(withoutValue(changed, path), path)).toBeUndefined();
      expect(Object.isFrozen(changed)).toBe(true);
    }),
  );
});

test('removing what is not there changes nothing, and makes no parents', () => {
  const before = tree({ a: 1 });
  expect(withoutValue(before, ['b', 'c'])).toBe(before);
  expect(withoutValue(before, ['a', 'c'])).toBe(before);
  expect(plain(withoutValue(before, []))).toEqual({});
});

describe('a tree', () => {
  test('knows no name but its own', () => {
    const value = tree(JSON.parse('{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}}}'));
    expect(Object.keys(value as object)).toEqual(['__proto__', 'constructor']);
    for (const name of ['toString', 'hasOwnProperty', 'x', 'length']) expect(valueAt(value, [name])).toBeUndefined();
    expect(valueAt(value, ['__proto__', 'x'])).toBe(1);
    expect(valueAt(tree(['a']), ['0'])).toBeUndefined();
    expect(valueAt(tree('text'), ['length'])).toBeUndefined();
    const polluted = merge(tree({}), withValue(value, ['__proto__', 'polluted'], 1));
    expect('polluted' in {}).toBe(false);
    expect(Object.getPrototypeOf(polluted)).toBeNull();
  });

  test('is frozen to its leaves, and no longer tied to what it was made of', () => {
    const given = { a: { list: [{ b: 1 }] } };
    const value = tree(given);
    given.a.list.push({ b: 2 });
    expect(plain(value)).toEqual({ a: { list: [{ b: 1 }] } });
    expect(() => Object.assign(valueAt(value, ['a']) as object, { c: 1 })).toThrow(TypeError);
    expect(() => (valueAt(value, ['a', 'list']) as unknown[]).push(1)).toThrow(TypeError);
  });

  test('makes texts of dates, numbers of bigints, and leaves out what is undefined', () => {
    expect(plain(tree({ at: new Date(0), big: 5n, none: undefined }))).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      big: 5,
    });
  });

  test.each<readonly [value: unknown, detail: string]>([
    [{ a: [() => 1] }, 'it: the value at a.0 is of type function, which a config cannot hold'],
    [{ a: Number.NaN }, 'it: the value at a is NaN, which is no number that a config can hold'],
    [{ a: 2n ** 60n }, 'it: the value at a is 1152921504606846976, which would be rounded; write it in quotes'],
    [{ a: new Map() }, 'it: the value at a is an object with a class of its own, which a config cannot hold'],
    [{ a: new Date(Number.NaN) }, 'it: the value at a is a date that does not exist'],
    [[undefined], 'it: the value at 0 is of type undefined, which a config cannot hold'],
  ])('refuses what makes it say: $1', (value, detail) => {
    expect(() => tree(value)).toThrow(expect.objectContaining({ code: CODE.badRequest, detail }));
  });

  test('is bounded in depth and in values, shared ones counted each time', () => {
    const ring: Record<string, unknown> = {};
    ring.a = ring;
    expect(() => tree(ring)).toThrow('nested deeper than 64 levels');
    let bomb: unknown = 'x';
    for (let level = 0; level < 40; level++) bomb = [bomb, bomb];
    expect(() => tree(bomb)).toThrow('it has more than 100000 values');
  });

  test('of a whole source has names at the top', () => {
    expect(toObject(undefined, 'it')).toEqual(Object.create(null));
    expect(toObject(null, 'it')).toEqual(Object.create(null));
    expect(() => toObject([1], 'it')).toThrow('it is a list at the top; put names and values there');
    expect(() => toObject('x', 'it')).toThrow('it is a string at the top');
  });
});
