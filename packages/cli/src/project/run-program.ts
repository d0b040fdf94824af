import { CODE, MicroError } from '@micro/core';
import { createOrphanGuard, startChild } from '@micro/core/plugin';

/** A program that is run to its end. */
export interface ProgramOptions {
  /** What people call it, such as `npm install`. */
  readonly name: string;
  /** The program and its arguments; no shell reads them. */
  readonly command: readonly [string, ...string[]];
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Ends it, and all that it started. */
  readonly signal: AbortSignal;
  /** How long it may take. */
  readonly timeoutMs: number;
}

/** What failed is at the end. */
const LAST_LINES = 100;
const GRACE_MS = 3_000;

/**
 * Runs a program and waits for its end. Nothing of it is left when this returns or throws. Throws a 400 with the last that it
 * wrote when it fails, or is late; one when there is no such program; and the reason of the signal when that aborts.
 */
export async function runProgram(options: ProgramOptions): Promise<void> {
  const { name, command, folder, env, signal, timeoutMs } = options;
  signal.throwIfAborted();
  const guard = createOrphanGuard(GRACE_MS);
  const lines: string[] = [];
  let isLate = false;
  try {
    const child = await startChild({
      command,
      folder,
      env,
      graceMs: GRACE_MS,
      guard,
      onLine(_, line) {
        lines.push(line);
        if (lines.length > LAST_LINES) lines.shift();
      },
    });
    const end = (): void => void child.end().catch(() => {});
    const timer = setTimeout(() => {
      isLate = true;
      end();
    }, timeoutMs);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    try {
      const failure = await child.ended;
      signal.throwIfAborted();
      if (failure === undefined) return;
      const how = isLate ? `did not end within ${timeoutMs / 1_000} s` : failure;
      throw new MicroError({
        id: 'micro',
        code: CODE.badRequest,
        detail: [`${name} ${how} in ${folder}:`, ...lines].join('\n'),
      });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
    }
  } finally {
    guard.close();
  }
}
