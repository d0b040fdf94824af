import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Longer than anything here takes. */
const DEADLINE_MS = 60_000;

/** A process of the example, whose lines are kept. */
export interface Program {
  readonly lines: readonly string[];
  /** Tells it a line. */
  tell(line: string): void;
  /** Lets it end, with a signal or by ending what it is told; throws when it ends badly. */
  end(signal?: NodeJS.Signals): Promise<void>;
  kill(): void;
}

/** Starts a program of this folder. */
export function startProgram(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Program {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  return {
    lines,
    tell: (line) => child.stdin.write(`${line}\n`),
    async end(signal) {
      if (signal === undefined) child.stdin.end();
      else child.kill(signal);
      const code = await exitCode(child);
      if (code !== 0) throw new Error(`${file} ended with ${code}`);
    },
    kill: () => child.kill('SIGKILL'),
  };
}

/** Waits until something is so; throws what it waited for when that takes too long. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}
