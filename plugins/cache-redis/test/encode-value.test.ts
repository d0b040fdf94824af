import { CODE, MicroError } from '@micro/core';
import { describe, expect, test } from 'vitest';
import { encodeValue } from '../src/encode-value.ts';

const encoded = (value: unknown): string => encodeValue('k', value).toString();

describe('a value as Go writes it', () => {
  test.each<[unknown, string]>([
    ['', ''],
    ['größe 🌳\u0000\n', 'größe 🌳\u0000\n'],
    [0, '0'],
    [-0, '-0'],
    [42, '42'],
    [-7, '-7'],
    [1.5, '1.5'],
    [0.1 + 0.2, '0.30000000000000004'],
    [1e21, '1000000000000000000000'],
    [1.5e300, `15${'0'.repeat(299)}`],
    [-1.25e22, '-12500000000000000000000'],
    [1e-7, '0.0000001'],
    [1.234e-10, '0.0000000001234'],
    [5e-324, `0.${'0'.repeat(323)}5`],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NEGATIVE_INFINITY, '-Inf'],
    [123456789012345678901234567890n, '123456789012345678901234567890'],
    [true, '1'],
    [false, '0'],
    [null, ''],
    [undefined, ''],
    [new Date('2024-01-02T03:04:05.678Z'), '2024-01-02T03:04:05.678Z'],
    [new Date('2024-01-02T03:04:05.600Z'), '2024-01-02T03:04:05.6Z'],
    [new Date('2024-01-02T03:04:10.000Z'), '2024-01-02T03:04:10Z'],
    [new Date(-1), '1969-12-31T23:59:59.999Z'],
    [new Date('0001-01-01T00:00:00Z'), '0001-01-01T00:00:00Z'],
  ])('%s is written as %s', (value, text) => {
    expect(encoded(value)).toBe(text);
  });

  test('bytes are written as they are, whatever they are seen through, and copied', () => {
    const bytes = Uint8Array.of(0, 255, 1, 2);
    expect(encodeValue('k', bytes)).toEqual(Buffer.from(bytes));
    expect(encodeValue('k', bytes.buffer)).toEqual(Buffer.from(bytes));
    expect(encodeValue('k', new DataView(bytes.buffer, 1, 2))).toEqual(Buffer.of(255, 1));
    expect(encodeValue('k', new Uint16Array(bytes.buffer, 2))).toEqual(Buffer.of(1, 2));
    expect(encodeValue('k', new Uint8Array())).toEqual(Buffer.alloc(0));
    const copy = encodeValue('k', bytes);
    bytes.fill(7);
    expect(copy).toEqual(Buffer.of(0, 255, 1, 2));
  });

  test.each<[string, unknown]>([
    ['an object', { a: 1 }],
    ['an array', [1]],
    ['a map', new Map()],
    ['a boxed number', Object(1)],
    ['an object with a toJSON', { toJSON: () => 1 }],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['half a character', 'a\ud800'],
    ['a date that is none', new Date(Number.NaN)],
    ['a date beyond four digits', new Date('+010000-01-01T00:00:00Z')],
  ])('%s is a bad request that names the key', (_, value) => {
    const error = caught(() => encodeValue('my key', value));
    expect(error).toMatchObject({ code: CODE.badRequest, id: 'go.micro.cache' });
    expect(error.detail).toContain('the value of "my key" ');
  });
});

function caught(run: () => unknown): MicroError {
  try {
    run();
  } catch (error) {
    if (error instanceof MicroError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
