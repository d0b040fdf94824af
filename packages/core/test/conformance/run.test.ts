import { describe, expect, it, test } from 'vitest';
import { eventually, within } from '../../src/conformance/eventually.ts';
import { runConformance } from '../../src/conformance/run.ts';
import { CODE } from '../../src/error/code.ts';
import { MicroError } from '../../src/error/micro-error.ts';

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

  describe('with todo', () => {
    const notWritten = () => new MicroError({ id: 'test', code: CODE.notImplemented, detail: 'not yet' });
    /** One case of a component with a method of each sort; says what the runner would report. */
    const report = async (
      run: (thing: { work(): Promise<void>; watch(): void; fine(): number }) => Promise<void>,
      context: object | undefined = {
        todo(reason: string) {
          throw new Error(`todo: ${reason}`);
        },
      },
    ): Promise<string> => {
      const { declared, declare } = collector();
      let closed = 0;
      const thing = Object.freeze({
        work: async () => Promise.reject(notWritten()),
        watch: () => {
          throw notWritten();
        },
        fine: () => 1,
      });
      const world = () => ({ create: () => thing, close: () => void closed++ });
      const cases = { it: async (given: { create(): typeof thing }) => run(await given.create()) };
      runConformance({ test: declare, cases, world, todo: true });
      const test: ((context?: object) => Promise<void>) | undefined = declared.get('it');
      const said = await test?.(context).then(
        () => 'passed',
        (error: Error) => error.message,
      );
      expect(closed).toBe(1);
      return said ?? 'nothing';
    };

    it('names the method that a case has found unwritten, whatever the case makes of it', async () => {
      expect(await report((thing) => thing.work())).toBe('todo: work is not written yet');
      expect(await report(async (thing) => thing.watch())).toBe('todo: watch is not written yet');
      const swallowed = async (thing: { work(): Promise<void> }) => thing.work().catch(() => {});
      expect(await report(swallowed)).toBe('todo: work is not written yet');
      const otherwise = async (thing: { work(): Promise<void> }) => {
        await thing.work().catch(() => Promise.reject(new Error('it is not so')));
      };
      expect(await report(otherwise)).toBe('todo: work is not written yet');
    });

    it('does not wait for a case that tries again and again', async () => {
      const begun = performance.now();
      const patient = (thing: { work(): Promise<void> }) => eventually(() => thing.work(), { timeoutMs: 60_000 });
      expect(await report(patient)).toBe('todo: work is not written yet');
      expect(performance.now() - begun).toBeLessThan(30_000);
    });

    it('leaves a case that needs nothing of what is unwritten to pass or to fail', async () => {
      expect(await report(async (thing) => expect(thing.fine()).toBe(1))).toBe('passed');
      expect(await report(async () => Promise.reject(new Error('it is not so')))).toBe('it is not so');
    });

    it('fails under a runner that cannot say so', async () => {
      expect(await report((thing) => thing.work(), {})).toMatch(/^work is not written yet; this runner cannot/);
    });
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
