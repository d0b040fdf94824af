import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareCodePoints, isWellFormed } from '../../src/util/code-points.ts';

const text = fc.string({ unit: fc.constantFrom('a', 'b', '\u0000', 'é', '\ud7ff', '\ue000', '\uffff', '😀', '🌳') });

test('the order of code points is that of UTF-8 bytes', () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(compareCodePoints(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});

test('a text is well formed when it comes back from UTF-8 as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '😀', '\ud83d', '\ude00') }), (a) => {
      expect(isWellFormed(a)).toBe(Buffer.from(a).toString() === a);
    }),
  );
});
