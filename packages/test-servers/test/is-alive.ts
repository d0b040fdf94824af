import { readFileSync } from 'node:fs';

/** Whether a process lives. One that is dead and whom nobody has collected yet, as in a container without an init, does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    // Somebody else's process, or no /proc.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
