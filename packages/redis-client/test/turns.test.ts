import { describe, expect, test } from 'vitest';
import { turnsOf } from '../src/turns.ts';

interface One {
  readonly name: string;
  readonly turn: string | undefined;
}

describe('turns', () => {
  const one = (name: string, turn?: string): One => ({ name, turn });

  test('those who come for the same are next in the order in which they came', () => {
    const turns = turnsOf<One>(({ turn }) => turn);
    const [a, b, c] = [one('a', 'x'), one('b', 'x'), one('c', 'x')];
    expect([a, b, c].map((each) => turns.enter(each))).toEqual([true, false, false]);
    expect(turns.leave(a)).toBe(b);
    expect(turns.leave(b)).toBe(c);
    expect(turns.leave(c)).toBeUndefined();
    expect(turns.enter(a)).toBe(true);
  });

  test('who leaves while waiting ends nobody’s turn', () => {
    const turns = turnsOf<One>(({ turn }) => turn);
    const [a, b, c] = [one('a', 'x'), one('b', 'x'), one('c', 'x')];
    for (const each of [a, b, c]) turns.enter(each);
    expect(turns.leave(b)).toBeUndefined();
    expect(turns.leave(a)).toBe(c);
    expect(turns.leave(b)).toBeUndefined();
  });

  test('others, and those who come for nothing, do not wait', () => {
    const turns = turnsOf<One>(({ turn }) => turn);
    expect([one('a', 'x'), one('b', 'y'), one('c'), one('d')].map((each) => turns.enter(each))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(turns.leave(one('e'))).toBeUndefined();
  });
});
