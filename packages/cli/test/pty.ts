import { fileURLToPath } from 'node:url';
import { type Pty, type PtyOptions, startOnPty } from '@micro/test-servers';

const MICRO = fileURLToPath(new URL('../dist/micro.js', import.meta.url));

/** Starts `micro` on a pseudo-terminal. */
export function microOnPty(args: readonly string[], options: PtyOptions = {}): Pty {
  return startOnPty([process.execPath, MICRO, ...args], options);
}
