import { describe, expect, it, test } from 'vitest';
import { eventually, within } from '../../src/conformance/eventually.ts';
import { runConformance } from '../../src/conformance/run.ts';

/** A runner that only collects. */
function collector() {
  const declared = new Map<string, () => Promise<void>>();
  const skipped: string[] = [];
  const declare = Object.assign(
    (name: string, run: () => Promise<void>) => {
      declared.set(name, run);
    },
    { skip: (name: string) => skipped.push(name) },
  );
  return { declared, skipped, declare };
}

describe('runConformance', () => {
  const cases = { 'one is one': async () => {}, 'two is two': async () => {} };

  it('declares each case as a test of its own, and a skipped one with its reason', () => {
    const { declared, skipped, declare } = collector();
    runConformance({ test: declare, cases, world: () => ({}), skip: { 'two is two': 'no such number here' } });
    expect([...declared.keys()]).toEqual(['one is one']);
    expect(skipped).toEqual(['two is two (skipped: no such number here)']);
  });

  it('refuses a skip that names no case, and one without a reason', () => {
    const { declare } = collector();
    const world = () => ({});
    expect(() => runConformance({ test: declare, cases, world, skip: { three: 'gone' } })).toThrow(
      /no case is called 'three'/,
    );
    expect(() => runConformance({ test: declare, cases, world, skip: { 'two is two': ' ' } })).toThrow(/has no reason/);
  });

  it('makes a world per case and closes it, whether the case held or not', async () => {
    const { declared, declare } = collector();
    let made = 0;
    const closed: number[] = [];
    runConformance({
      test: declare,
      cases: {
        holds: async () => {},
        fails: async () => {
          throw new Error('it is not so');
        },
      },
      world: () => {
        const id = ++made;
        return {
          close: async () => {
            closed.push(id);
            if (id === 2) throw new Error('cannot close');
          },
        };
      },
    });
    await declared.get('holds')?.();
    await expect(declared.get('fails')?.()).rejects.toThrow('it is not so');
    expect(closed).toEqual([1, 2]);
  });

  runConformance({ test, cases: { 'runs under vitest': async () => {} }, world: async () => ({}) });
});

describe('eventually', () => {
  it('returns as soon as the check holds, and throws what the check threw last', async () => {
    let looks = 0;
    const look = () => {
      looks++;
      if (looks < 3) throw new Error(`look ${looks}`);
      return looks;
    };
    expect(await eventually(look, { everyMs: 1 })).toBe(3);
    looks = -1_000_000;
    await expect(eventually(look, { everyMs: 1, timeoutMs: 10 })).rejects.toThrow(/^look -/);
  });

  it('names what was awaited too long', async () => {
    await expect(within('the answer', new Promise(() => {}), 5)).rejects.toThrow('the answer took longer than 5 ms');
    expect(await within('the answer', Promise.resolve(42), 1_000)).toBe(42);
  });
});
