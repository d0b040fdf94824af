import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually, within } from '../../src/conformance/eventually.ts';
import { type Child, type ChildOptions, startChild } from '../../src/runtime/child.ts';
import { createOrphanGuard, type OrphanGuard } from '../../src/runtime/orphan-guard.ts';

const WAIT = { timeoutMs: 20_000 };

describe('a child process', () => {
  let guard: OrphanGuard;
  const children: Child[] = [];
  beforeEach(() => {
    guard = createOrphanGuard(0);
  });
  afterEach(async () => {
    await Promise.all(children.splice(0).map((child) => child.end(0)));
    guard.close();
  });

  const start = async (code: string, options: Partial<ChildOptions> = {}): Promise<Child> => {
    const child = await startChild({
      command: [process.execPath, '-e', code],
      folder: process.cwd(),
      env: process.env,
      graceMs: 60_000,
      guard,
      onLine: () => {},
      ...options,
    });
    children.push(child);
    return child;
  };

  it('says something to us, and we to it, when somebody listens for messages', async () => {
    const messages: unknown[] = [];
    const child = await start(`process.on('message', ({ n }) => process.send({ n: n + 1 }));`, {
      onMessage: (message) => messages.push(message),
    });
    child.send({ n: 1 });
    await eventually(() => expect(messages).toEqual([{ n: 2 }]), WAIT);
    await child.end(0);
    // Nobody is there any more, which is no reason to fail.
    child.send({ n: 2 });
  });

  it('has nobody to say anything to otherwise', async () => {
    const lines: string[] = [];
    const child = await start('console.log(typeof process.send)', { onLine: (_, line) => void lines.push(line) });
    child.send({ n: 1 });
    expect(await child.ended).toBeUndefined();
    expect(lines).toEqual(['undefined']);
  });

  it('writes no faster than its lines are taken', async () => {
    let lines = 0;
    let take: () => void = () => {};
    const taken = new Promise<void>((resolve) => {
      take = resolve;
    });
    const child = await start(
      `const line = 'x'.repeat(1023) + '\\n'; for (let n = 0; n < 5000; n++) process.stdout.write(line);`,
      {
        onLine() {
          lines++;
          return taken;
        },
      },
    );
    let isOver = false;
    const ended = child.ended.then(() => {
      isOver = true;
    });
    await eventually(() => expect(lines).toBeGreaterThan(0), WAIT);
    // What one chunk and the pipe hold is far less than it has to say.
    expect(lines).toBeLessThan(1_000);
    expect(isOver).toBe(false);
    take();
    await within('the end', ended, 20_000);
    expect(lines).toBe(5_000);
  });

  it('that takes its time to end is killed when somebody else does not', async () => {
    const lines: string[] = [];
    const child = await start(
      `process.on('SIGTERM', () => console.log('later')); setInterval(() => {}, 1000); console.log('up');`,
      {
        onLine: (_, line) => void lines.push(line),
      },
    );
    await eventually(() => expect(lines).toEqual(['up']), WAIT);
    const slowly = child.end();
    await eventually(() => expect(lines).toEqual(['up', 'later']), WAIT);
    expect(await within('the end', child.end(0), 20_000)).toBe(true);
    expect(await slowly).toBe(true);
    expect(await child.ended).toBe('was ended by SIGKILL');
  });
});
