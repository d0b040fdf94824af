import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { configReader } from '../../src/config/reader.ts';
import { toTree } from '../../src/config/tree.ts';
import type { ConfigReader, ConfigValue } from '../../src/contract/config.ts';
import { CODE } from '../../src/error/code.ts';

const reader = (value: unknown): ConfigReader => configReader(toTree(value, 'it'), ['a', 'b']);
const absent = configReader(undefined, ['a', 'b']);

type Typed = 'string' | 'number' | 'boolean' | 'durationMs' | 'list' | 'object';
const KINDS: readonly Typed[] = ['string', 'number', 'boolean', 'durationMs', 'list', 'object'];

const GOOD: readonly (readonly [Typed, ConfigValue, unknown])[] = [
  ['string', 'text', 'text'],
  ['string', '', ''],
  ['string', 8080, '8080'],
  ['string', false, 'false'],
  ['number', 1.5, 1.5],
  ['number', '8080', 8080],
  ['number', '-1e3', -1000],
  ['number', '.5', 0.5],
  ['number', 0, 0],
  ['boolean', false, false],
  ['boolean', 'T', true],
  ['boolean', '0', false],
  ['durationMs', 250, 250],
  ['durationMs', '250', 250],
  ['durationMs', '1m30s', 90_000],
  ['durationMs', '0', 0],
  ['list', ['a', 1, true], ['a', '1', 'true']],
  ['list', 'a, b,c', ['a', 'b', 'c']],
  ['list', '', []],
  ['list', [], []],
  ['object', { x: 1 }, { x: 1 }],
];

test.each(GOOD)('%s() of %j is %j, with or without a fallback', (kind, value, expected) => {
  const read = reader(value)[kind].bind(reader(value)) as (fallback?: unknown) => unknown;
  expect(JSON.parse(JSON.stringify(read()))).toEqual(expected);
  expect(JSON.parse(JSON.stringify(read('a fallback')))).toEqual(expected);
});

const BAD: readonly (readonly [Typed, ConfigValue])[] = [
  ['string', ['a']],
  ['string', { x: 1 }],
  ['number', ''],
  ['number', 'abc'],
  ['number', '0x10'],
  ['number', '1 '],
  ['number', '1e999'],
  ['number', true],
  ['number', [1]],
  ['boolean', 'yes'],
  ['boolean', 1],
  ['boolean', ''],
  ['durationMs', '1 minute'],
  ['durationMs', ''],
  ['durationMs', true],
  ['list', [['a']]],
  ['list', ['a', null]],
  ['list', 1],
  ['list', { x: 1 }],
  ['object', 'x'],
  ['object', ['x']],
];

test.each(BAD)('%s() of %j is an error that names the path and the value, fallback or not', (kind, value) => {
  const read = reader(value)[kind] as (fallback?: unknown) => unknown;
  const error = expect.objectContaining({
    code: CODE.badRequest,
    detail: expect.stringContaining(`the config at a.b is ${JSON.stringify(value)}; it has to be `),
  });
  expect(() => read()).toThrow(error);
  expect(() => read('a fallback')).toThrow(error);
});

test.each(KINDS)('%s() of what is absent or null is the fallback, and an error that names the path without', (kind) => {
  for (const nothing of [absent, reader(null)]) {
    const read = nothing[kind] as (fallback?: unknown) => unknown;
    const fallback = { fall: 'back' };
    expect(read(fallback)).toBe(fallback);
    expect(() => read()).toThrow(
      expect.objectContaining({ code: CODE.notFound, detail: expect.stringContaining('there is nothing at a.b') }),
    );
    expect(nothing.exists()).toBe(false);
  }
});

describe('a reader', () => {
  test('says what is there as it is', () => {
    expect(reader(0).exists()).toBe(true);
    expect(reader('').value()).toBe('');
    expect(reader(null).value()).toBeNull();
    expect(absent.value()).toBeUndefined();
    expect(absent.path).toEqual(['a', 'b']);
  });

  test('shows no more than the beginning of a long value', () => {
    expect(() => reader('x'.repeat(10_000)).number()).toThrow(/^the config at a\.b is "x{59}…; it has to be a number$/);
  });
});

describe('scan', () => {
  const schema = z.object({ port: z.coerce.number().int(), hosts: z.array(z.string()).default([]) });

  test('gives what the schema makes of the value', async () => {
    const server = await reader({ port: '8080' }).scan(schema);
    expect(server).toEqual({ port: 8080, hosts: [] });
    const port: number = server.port;
    expect(port).toBe(8080);
    expect(await absent.scan(z.string().default('x'))).toBe('x');
  });

  test('throws what the schema finds wrong, with paths and values', async () => {
    await expect(reader({ port: 'x', hosts: ['a', 5] }).scan(schema)).rejects.toMatchObject({
      code: CODE.badRequest,
      detail: expect.stringMatching(/^the config is not valid: a\.b\.port is "x": .*; a\.b\.hosts\.1 is 5: /),
    });
    await expect(absent.scan(schema)).rejects.toMatchObject({ detail: expect.stringContaining('a.b is absent: ') });
  });

  test('reads null-prototype objects as records', async () => {
    expect(await reader({ x: 1, y: 2 }).scan(z.record(z.string(), z.number()))).toEqual({ x: 1, y: 2 });
  });

  test('says that a schema itself failed', async () => {
    const broken = z.string().refine(() => {
      throw new Error('Boom');
    });
    await expect(reader('x').scan(broken)).rejects.toMatchObject({
      code: CODE.internal,
      detail: 'the schema for a.b failed: boom',
    });
  });
});
