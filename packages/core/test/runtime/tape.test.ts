import { describe, expect, it } from 'vitest';
import { CODE } from '../../src/error/code.ts';
import { createTape, type TapeReadOptions } from '../../src/runtime/tape.ts';

const ALL: TapeReadOptions<string, string> = {
  last: Number.POSITIVE_INFINITY,
  follow: false,
  overtaken: 'skip',
  pick: (item) => item,
};

function tape(limit = Number.POSITIVE_INFINITY) {
  return createTape<string>({ limit, sizeOf: (item) => item.length });
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('a tape', () => {
  it('keeps the newest items that fit, and the newest one always', async () => {
    const one = tape(5);
    for (const item of ['aa', 'bb', 'cc', 'd']) one.push(item);
    expect(await all(one.read(ALL))).toEqual(['bb', 'cc', 'd']);
    one.push('much too long');
    expect(await all(one.read(ALL))).toEqual(['much too long']);
  });

  it('keeps the right ones over many thousands', async () => {
    const one = tape(10_000);
    for (let i = 0; i < 50_000; i++) one.push('x'.repeat(1 + (i % 7)));
    one.push('last');
    const kept = await all(one.read(ALL));
    expect(kept.at(-1)).toBe('last');
    const size = kept.reduce((sum, { length }) => sum + length, 0);
    expect(size).toBeLessThanOrEqual(10_000);
    expect(size).toBeGreaterThan(9_990);
  });

  it('gives several takers of one reader each an item of their own, in order', async () => {
    const one = tape();
    const reader = one.read({ ...ALL, follow: true });
    const taken = [reader.next(), reader.next(), reader.next()];
    one.push('a');
    one.push('b');
    one.end();
    expect((await Promise.all(taken)).map(({ value }) => value)).toEqual(['a', 'b', undefined]);
  });

  it('lets a reader that was told of the end read what is left', async () => {
    const one = tape();
    one.push('a');
    const reader = one.read({ ...ALL, follow: true });
    one.push('b');
    one.end();
    one.push('after');
    expect(await all(reader)).toEqual(['a', 'b', 'after']);
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  it('skips what a reader was too slow for, or tells it', async () => {
    const one = tape(2);
    const skipping = one.read({ ...ALL, follow: true });
    const failing = one.read({ ...ALL, follow: true, overtaken: 'fail' });
    for (const item of ['a', 'b', 'c', 'd']) one.push(item);
    one.end();
    expect(await all(skipping)).toEqual(['c', 'd']);
    await expect(failing.next()).rejects.toMatchObject({
      code: CODE.tooManyRequests,
      detail: expect.stringContaining('missed 2 events'),
    });
    expect(await failing.next()).toEqual({ done: true, value: undefined });
  });

  it('never overtakes a reader that waits, however small it is', async () => {
    const one = tape(0);
    const reader = one.read({ ...ALL, follow: true, overtaken: 'fail' });
    for (const item of ['a', 'b', 'c']) {
      const next = reader.next();
      one.push(item);
      expect((await next).value).toBe(item);
    }
  });

  it('ends a reader that waits when it is left, or when its signal aborts', async () => {
    const one = tape();
    const controller = new AbortController();
    const left = one.read({ ...ALL, follow: true });
    const aborted = one.read({ ...ALL, follow: true, signal: controller.signal });
    const waiting = [left.next(), aborted.next()];
    await left.return?.();
    controller.abort();
    expect(await Promise.all(waiting)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
    one.push('a');
    expect(await all(one.read({ ...ALL, follow: true, signal: controller.signal }))).toEqual([]);
  });

  it('leaves out what a reader does not pick', async () => {
    const one = tape();
    for (const item of ['a', 'bb', 'c', 'dd']) one.push(item);
    const pick = (item: string): number | undefined => (item.length > 1 ? item.length : undefined);
    expect(await all(one.read({ ...ALL, pick }))).toEqual([2, 2]);
  });
});
