import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { onAbort } from '../../src/util/on-abort.ts';

test('any number may wait for a signal, each is told once, and the signal has one listener', () => {
  const controller = new AbortController();
  const told: number[] = [];
  const offs = Array.from({ length: 100 }, (_, index) => onAbort(controller.signal, () => told.push(index)));
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
  for (const off of offs.slice(0, 98)) off();
  controller.abort();
  controller.abort();
  expect(told).toEqual([98, 99]);
});

test('who stopped waiting is not told, and the last one leaves nothing on the signal', () => {
  const controller = new AbortController();
  let told = 0;
  const count = (): void => {
    told += 1;
  };
  const first = onAbort(controller.signal, count);
  first();
  first();
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  const second = onAbort(controller.signal, () => {});
  // Taken off already; it must not take off what others wait for.
  first();
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
  second();
  controller.abort();
  expect(told).toBe(0);
});

test('who comes after the abort is told at once', () => {
  let told = 0;
  onAbort(AbortSignal.abort(), () => {
    told += 1;
  })();
  expect(told).toBe(1);
});

test('a listener that takes itself or another one off while all are told does no harm', () => {
  const controller = new AbortController();
  const told: string[] = [];
  const off: (() => void)[] = [];
  off.push(
    onAbort(controller.signal, () => {
      told.push('first');
      for (const each of off) each();
    }),
  );
  off.push(onAbort(controller.signal, () => told.push('second')));
  controller.abort();
  expect(told).toEqual(['first']);
});
