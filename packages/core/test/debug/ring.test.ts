import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRing } from '../../src/debug/ring.ts';

test('a ring holds the last things in their order, from any number on, and one of size 0 holds none', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9 }), fc.nat(40), fc.nat(45), (size, count, from) => {
      const ring = createRing<number>(size);
      for (let n = 0; n < count; n++) ring.push(n);
      const all = Array.from({ length: count }, (_, n) => n);
      expect(ring.end).toBe(count);
      expect(ring.read()).toEqual(all.slice(Math.max(0, count - size)));
      expect(ring.read(from)).toEqual(all.slice(Math.max(0, count - size)).filter((n) => n >= from));
    }),
  );
});
