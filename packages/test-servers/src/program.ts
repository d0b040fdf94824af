import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A program that waits for a line on its stdin, and is to end by itself after it. */
export interface Program {
  /** Resolves with its exit code and its signal. */
  readonly exited: Promise<readonly unknown[]>;
  /** What it has printed so far. */
  printed(): string;
  /** Tells it to end. What it printed, and how long it lived after that, in milliseconds; 20 seconds at the most. */
  end(): Promise<{ readonly code: unknown; readonly printed: string; readonly tookMs: number }>;
}

const MOST_MS = 20_000;

/** Runs an ES module, given as text, with arguments. Resolves when it has printed something, or has ended. */
export async function runProgram(text: string, ...args: readonly string[]): Promise<Program> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', text, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  // What it printed last may be read only after its end.
  const closed = once(child, 'close');
  let printed = '';
  child.stdout.on('data', (data) => {
    printed += String(data);
  });
  await Promise.race([once(child.stdout, 'data'), exited]);
  return {
    exited,
    printed: () => printed,
    async end() {
      child.stdin.write('\n');
      const begun = performance.now();
      const timer = setTimeout(() => child.kill('SIGKILL'), MOST_MS);
      const [code] = await exited;
      const tookMs = performance.now() - begun;
      clearTimeout(timer);
      await closed;
      return { code, printed, tookMs };
    },
  };
}
