import { expect, test } from 'vitest';
import { reasonOf } from '../../src/util/reason.ts';

test('a reason begins in lower case, unless it begins with a word in capitals', () => {
  expect(reasonOf(new Error('Unexpected end'))).toBe('unexpected end');
  expect(reasonOf(new Error('JSON ends here'))).toBe('JSON ends here');
  expect(reasonOf('Plain text')).toBe('plain text');
  expect(reasonOf(undefined)).toBe('undefined');
});

test('a reason is one line of at most two hundred characters', () => {
  expect(reasonOf(new Error('a\r\n  b\tc '))).toBe('a b c');
  expect(reasonOf(new Error('x'.repeat(200)))).toBe('x'.repeat(200));
  expect(reasonOf(new Error('x'.repeat(1_000_000)))).toBe(`${'x'.repeat(200)}…`);
});

test('what cannot be made into text has a reason too', () => {
  expect(reasonOf(Object.create(null))).toBe('an object without a text');
});
