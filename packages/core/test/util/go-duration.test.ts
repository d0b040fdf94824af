import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseGoDuration } from '../../src/util/go-duration.ts';

test.each([
  ['0', 0],
  ['-0', 0],
  ['300ms', 300],
  ['1.5h', 5_400_000],
  ['2h45m', 9_900_000],
  ['-1m30s', -90_000],
  ['+5s', 5_000],
  ['1m30s', 90_000],
  ['.5s', 500],
  ['1.s', 1_000],
  ['100us', 0.1],
  ['100µs', 0.1],
  ['100μs', 0.1],
  ['1000000ns', 1],
  ['1s1s', 2_000],
  ['2562047h47m', 9_223_372_020_000],
])('%s is %d ms, as in Go', (text, ms) => {
  expect(parseGoDuration(text)).toBeCloseTo(ms, 9);
});

test.each([
  '',
  '1',
  '1.5',
  's',
  '.s',
  '-',
  '+',
  '1d',
  '1 s',
  ' 1s',
  '1s ',
  '1S',
  '1e3s',
  '1s-1s',
  '--1s',
  '0x1s',
  'Infinity',
  '٣s',
  '2562048h',
  `${'9'.repeat(200)}s`,
])('%j is no duration in Go', (text) => {
  expect(parseGoDuration(text)).toBeUndefined();
});

test('any sum of whole units is read as what it says', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(59), fc.nat(59), fc.nat(999), (h, m, s, ms) => {
      expect(parseGoDuration(`${h}h${m}m${s}s${ms}ms`)).toBe(((h * 60 + m) * 60 + s) * 1000 + ms);
    }),
  );
});
