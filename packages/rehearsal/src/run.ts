import { execFile } from 'node:child_process';

/** How a program ended, and what it said. */
export interface Outcome {
  /** Its exit code; `null` when it was killed, for taking too long for instance. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where and for how long a program runs. */
export interface RunOptions {
  readonly cwd: string;
  /** All of its environment. Default: that of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** After so many milliseconds it is killed. Default 600,000. */
  readonly timeoutMs?: number | undefined;
}

const OUTPUT_BYTES = 16 << 20;

/** Runs a program to its end, whatever that is. Throws only when it cannot be started. */
export function run(command: string, args: readonly string[], options: RunOptions): Promise<Outcome> {
  const { cwd, env, timeoutMs = 600_000 } = options;
  return new Promise((resolve, reject) => {
    const settings = { cwd, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: OUTPUT_BYTES } as const;
    const child = execFile(command, args, { ...settings, ...(env && { env }) }, (error, stdout, stderr) => {
      if (error !== null && child.pid === undefined) reject(error);
      else resolve({ code: child.exitCode, stdout, stderr });
    });
    child.stdin?.end();
  });
}

/** Runs a program that has to succeed, and returns what it wrote to stdout. Throws with all it said when it does not. */
export async function mustRun(command: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code !== 0) {
    throw new Error(`${command} ${args.join(' ')} in ${options.cwd} ended with ${code}:\n${stdout}\n${stderr}`);
  }
  return stdout;
}
