import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Carrier } from '../../src/transport/exchange.ts';
import { Exchange } from '../../src/transport/exchange.ts';
import { ExchangeTable } from '../../src/transport/exchange-table.ts';

const carrier: Carrier = {
  local: '',
  remote: '',
  congested: false,
  write() {},
  writeEnd() {},
  abandon() {},
  taken() {},
  release() {},
};

test('the table holds what a map would hold, whatever is opened and ended', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3_000 }), (steps) => {
      const table = new ExchangeTable();
      const model = new Map<number, Exchange>();
      let id = 0;
      for (const step of steps) {
        // Ends one of the oldest now and then; most stay open, so that slots are taken when ids come round.
        const oldest = model.values().next().value;
        if (step === 0 && oldest !== undefined) {
          table.delete(oldest);
          table.delete(oldest);
          model.delete(oldest.id);
        } else {
          id += step * 100 + 1;
          const exchange = new Exchange(carrier, id, true, false);
          table.add(exchange);
          model.set(id, exchange);
        }
      }
      expect(table.size).toBe(model.size);
      for (const [key, exchange] of model) expect(table.get(key)).toBe(exchange);
      expect(table.get(id + 1)).toBeUndefined();
      expect(new Set(table.list())).toEqual(new Set(model.values()));
    }),
    { numRuns: 50 },
  );
});
