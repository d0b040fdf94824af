import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** How much of what a process says on stderr is kept, in characters. */
const STDERR_LIMIT = 64 * 1024;

/** What a line of stdout holds, once parsed. */
export type Line = Readonly<Record<string, unknown>>;

/** A child process that is spoken to in JSON lines. It ends when its stdin does, so also when this process dies. */
export interface LineProcess {
  readonly pid: number;
  /** Sends one line. */
  write(value: unknown): void;
  /** The end of what it said on stderr. */
  stderr(): string;
  /** Resolves when it has exited. */
  readonly exited: Promise<void>;
  /** Ends it with SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Ends its stdin, waits `graceMs` (default 20,000), then kills it. Resolves when it is gone. */
  close(graceMs?: number): Promise<void>;
}

/** Starts `command[0]` with the rest as arguments and calls back with every JSON object it prints, and its text. */
export async function startLineProcess(
  command: readonly string[],
  onLine: (line: Line, text: string) => void,
): Promise<LineProcess> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-STDERR_LIMIT);
  });
  // Writing to a process that has just died is answered by `exited`, not by an exception out of nowhere.
  child.stdin.on('error', () => {});
  createInterface({ input: child.stdout }).on('line', (text) => {
    let line: unknown;
    try {
      line = JSON.parse(text);
    } catch {
      stderr = `${stderr}not JSON on stdout: ${text}\n`.slice(-STDERR_LIMIT);
      return;
    }
    if (typeof line === 'object' && line !== null) onLine(line as Line, text);
  });
  await once(child, 'spawn');
  return {
    pid: child.pid ?? 0,
    exited,
    stderr: () => stderr,
    write(value) {
      child.stdin.write(`${JSON.stringify(value)}\n`);
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async close(graceMs = 20_000) {
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      child.stdin.end();
      await exited;
      clearTimeout(timer);
    },
  };
}
