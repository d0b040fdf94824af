import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

const FIRST_LOOK_MS = 5;
const LONGEST_LOOK_MS = 100;
/** What SIGKILL does not end within this time (it hangs in the kernel) is not waited for. */
const KILL_WAIT_MS = 5_000;

/**
 * Ends a process and all that it started, as far as they have stayed in its process group: SIGTERM, and SIGKILL for what is
 * left after `graceMs` (0: SIGKILL at once). Resolves with whether all of it is gone, and never takes longer than the grace
 * and five seconds. On Windows, which has no process groups, `taskkill` ends the tree at once.
 */
export async function endGroup(leader: number, graceMs: number, leaderLives: () => boolean): Promise<boolean> {
  if (process.platform === 'win32') return endTree(leader, leaderLives);
  const isGone = async (): Promise<boolean> => !(leaderLives() || (await groupLives(leader)));
  if (await isGone()) return true;
  if (graceMs > 0) {
    signalGroup(leader, 'SIGTERM');
    if (await becomes(isGone, graceMs)) return true;
  }
  signalGroup(leader, 'SIGKILL');
  return becomes(isGone, KILL_WAIT_MS);
}

/** Sends a signal to every process of a group (0: to none, only looks). False when there is no such group. */
function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-leader, signal);
  } catch {
    return false;
  }
}

/** Whether a group has a process that still runs, now that its leader is gone. */
async function groupLives(leader: number): Promise<boolean> {
  if (!signalGroup(leader, 0)) return false;
  // A process that has ended keeps its group there until its parent has asked for its status. Orphans in a container whose
  // first process does not do that stay for ever; they are no reason to wait.
  return process.platform === 'linux' ? await hasRunningMember(leader) : true;
}

async function hasRunningMember(leader: number): Promise<boolean> {
  const names = await readdir('/proc').catch(() => undefined);
  // Without /proc nothing is known: somebody is there.
  if (names === undefined) return true;
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => '');
    // `pid (name) state ppid pgrp …`; the name may hold anything, brackets as well.
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(group) === leader && state !== 'Z' && state !== 'X') return true;
  }
  return false;
}

async function endTree(leader: number, leaderLives: () => boolean): Promise<boolean> {
  execFile('taskkill', ['/pid', String(leader), '/t', '/f'], () => {});
  return becomes(async () => !leaderLives(), KILL_WAIT_MS);
}

async function becomes(isSo: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  for (let look = FIRST_LOOK_MS; ; look = Math.min(look * 2, LONGEST_LOOK_MS)) {
    if (await isSo()) return true;
    const left = end - performance.now();
    if (left <= 0) return false;
    await pause(Math.min(look, left));
  }
}
