import { describe, expect, it, test } from 'vitest';
import { type Lifecycle, lifecycleCases } from '../../src/conformance/lifecycle.ts';
import { runConformance } from '../../src/conformance/run.ts';

/** Something with a lifecycle, which can be made wrong in one way. */
function thing(wrong?: 'restart' | 'second start' | 'second stop' | 'early stop'): Lifecycle {
  let running = 0;
  let stops = 0;
  return {
    async start() {
      if (wrong === 'restart' && stops > 0) throw new Error('it cannot be started again');
      running = wrong === 'second start' ? running + 1 : 1;
    },
    async stop() {
      if (running === 0 && stops === 0 && wrong === 'early stop') throw new Error('it was not started');
      if (running === 0 && stops > 0 && wrong === 'second stop') throw new Error('it was stopped already');
      running = Math.max(running - 1, 0);
      stops++;
    },
    works: () => running > 0,
  };
}

describe('the lifecycle cases', () => {
  runConformance({ test, cases: lifecycleCases, world: () => ({ create: () => thing() }) });

  it('find each way to be wrong', async () => {
    const failing = async (wrong: Parameters<typeof thing>[0]): Promise<string[]> => {
      const failed: string[] = [];
      for (const [name, run] of Object.entries(lifecycleCases)) {
        await run({ create: () => thing(wrong) }).catch(() => failed.push(name));
      }
      return failed;
    };
    expect(await failing('restart')).toEqual(['what was stopped can be started again']);
    expect(await failing('second start')).toContain('starting twice is starting once');
    expect(await failing('second stop')).toContain('stopping twice is stopping once');
    expect(await failing('early stop')).toEqual(['stopping what was never started does nothing']);
  });
});
