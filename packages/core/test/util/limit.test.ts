import { expect, test } from 'vitest';
import { httpBroker, httpTransport, memoryRegistry } from '../../src/index.ts';
import { limitOf, numberOf } from '../../src/util/limit.ts';

test('a limit of 0 is none, and one that was not given is the usual one', () => {
  expect(limitOf('most', 0, 5)).toBe(Number.POSITIVE_INFINITY);
  expect(limitOf('most', undefined, 5)).toBe(5);
  expect(numberOf('most', 0, 5)).toBe(0);
});

test.each([-1, Number.NaN, '5' as unknown as number])('a limit of %s is a 400 that names the option', (given) => {
  const error = { code: 400, detail: `most is ${given}; it has to be a number from 0 on` };
  expect(() => limitOf('most', given, 5)).toThrow(expect.objectContaining(error));
});

test('a default is made with no limit that makes no sense', () => {
  expect(() => httpTransport({ maxInFlight: -1 })).toThrow('maxInFlight is -1');
  expect(() => memoryRegistry({ watchLimit: Number.NaN })).toThrow('watchLimit is NaN');
  expect(() => httpBroker({ registry: memoryRegistry(), inbox: { maxBytes: -5 } })).toThrow('inbox.maxBytes is -5');
});
