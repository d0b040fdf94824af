import { expect, test } from 'vitest';
import { createHistogram } from '../src/histogram.ts';
import type { LoadResult } from '../src/load.ts';
import { median, rows } from '../src/result.ts';
import { bodies, checkEcho, checkStreamed, streamBody } from '../src/work.ts';

test('a small message is 96 bytes of JSON, a large one carries 10,240 characters more', () => {
  const [small, large] = [bodies('unary-small')(), bodies('unary-large')()];
  expect(JSON.stringify(small)).toHaveLength(96);
  expect(JSON.stringify(streamBody(999))).toHaveLength(96);
  expect(Object.keys(small)).toHaveLength(5);
  expect(large.text).toHaveLength(10_240);
});

test('a reply that differs in one field is refused', () => {
  const request = bodies('unary-large')();
  checkEcho({ ...request }, request);
  for (const wrong of [{ id: 1 }, { name: '' }, { active: false }, { score: 0 }, { note: '' }, { text: '' }]) {
    expect(() => checkEcho({ ...request, ...wrong }, request)).toThrow('differs');
  }
  checkStreamed(streamBody(7), 7);
  expect(() => checkStreamed(streamBody(8), 7)).toThrow('not the one');
});

test('percentiles are within 1.6 % of the exact ones', () => {
  const histogram = createHistogram();
  const values = Array.from({ length: 10_000 }, (_, index) => 0.02 * 1.001 ** index);
  for (const ms of values) histogram.add(ms);
  for (const share of [0.01, 0.5, 0.9, 0.99]) {
    const exact = (values[Math.ceil(values.length * share) - 1] ?? 0) * 1_000;
    expect(Math.abs(histogram.percentileUs(share) / exact - 1)).toBeLessThan(0.016);
  }
  histogram.clear();
  expect(histogram.percentileUs(0.5)).toBe(0);
});

test('ratios are taken in each round, and only then the median', () => {
  const measured = (peer: string, round: number, rate: number) => ({
    peer,
    work: 'stream' as const,
    inFlight: 1,
    round,
    outcome: { ...figures, rate },
  });
  const result = rows([
    measured('raw-net', 1, 100),
    measured('slow', 1, 50),
    measured('raw-net', 2, 10),
    measured('slow', 2, 8),
    measured('raw-net', 3, 1_000),
    measured('slow', 3, 100),
    { ...measured('broken', 1, 1), outcome: new Error('it fell over') },
  ]);
  expect(result.map(({ peer, rate, ratioToRawNet }) => ({ peer, rate, ratioToRawNet }))).toEqual([
    { peer: 'raw-net', rate: 100, ratioToRawNet: 1 },
    { peer: 'slow', rate: 50, ratioToRawNet: 0.5 },
  ]);
  expect(rows([measured('slow', 1, 50)])[0]?.ratioToRawNet).toBeNull();
});

test('the median of an even number of values lies between the middle two', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([3, 1, 2])).toBe(2);
  expect(median([])).toBe(0);
});

const figures: LoadResult = {
  rate: 0,
  p50Us: 1,
  p99Us: 1,
  maxUs: 1,
  cpuSecondsPer10k: 1,
  serverRssMb: 1,
  clientRssMb: 1,
  noise: 0,
  calls: 1,
};
