import { setTimeout as sleep } from 'node:timers/promises';

/** How long a server may take to answer, in milliseconds: a busy machine is slow, and who waits longer waits for nothing. */
export const START_MS = 60_000;

/** Asks until the answer is neither `undefined` nor `false`; an attempt that throws has no answer yet. */
export async function poll<T>(
  what: string,
  limitMs: number,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const end = performance.now() + limitMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      throw new Error(`${what} took longer than ${limitMs} ms${last instanceof Error ? `: ${last.message}` : ''}`, {
        cause: last,
      });
    }
    await sleep(15);
  }
}
