import { fileURLToPath } from 'node:url';
import { eventually } from '@micro/core/conformance';
import { type Pty, type PtyOptions, startOnPty } from '@micro/test-servers';

const MICRO = fileURLToPath(new URL('../dist/micro.js', import.meta.url));

/** No command of a test takes longer to show something, or to end, also on a loaded machine. */
const DEADLINE_MS = 60_000;

/** Starts `micro` on a pseudo-terminal. */
export function microOnPty(args: readonly string[], options: PtyOptions = {}): Pty {
  const pty = startOnPty([process.execPath, MICRO, ...args], options);
  return {
    ...pty,
    shows: (text) => eventually(() => pty.shows(text), { timeoutMs: DEADLINE_MS }),
    ended: (timeoutMs = DEADLINE_MS) => pty.ended(timeoutMs),
  };
}
