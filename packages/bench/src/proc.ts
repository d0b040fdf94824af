import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** What /proc counts in: Linux fixes it at 100 per second for programs, whatever the kernel's own clock does. */
const TICKS_PER_SECOND = 100;

/** The clock and the processor time used so far, at one moment. */
export interface Usage {
  readonly atMs: number;
  /** User and system time of the given processes together, in seconds. */
  readonly cpuSeconds: number;
  /** Time that the machine spent on anything at all, time stolen by a hypervisor included, in seconds. */
  readonly machineSeconds: number;
}

/** Reads the usage of some processes and of the machine. Linux only. */
export function usage(pids: readonly number[]): Usage {
  let ticks = 0;
  for (const pid of pids) ticks += processTicks(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return {
    atMs: performance.now(),
    cpuSeconds: ticks / TICKS_PER_SECOND,
    machineSeconds: machineTicks(readFileSync('/proc/stat', 'utf8')) / TICKS_PER_SECOND,
  };
}

/** The share of the machine's cores (0 to 1) that was taken by processes other than the given ones. */
export function noise(start: Usage, end: Usage): number {
  const available = (availableParallelism() * (end.atMs - start.atMs)) / 1_000;
  const others = end.machineSeconds - start.machineSeconds - (end.cpuSeconds - start.cpuSeconds);
  return Math.min(1, Math.max(0, others / available));
}

/** The memory of a process that is in RAM, in MB (10^6 bytes). */
export function rssMb(pid: number): number {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return (Number(found?.[1] ?? 0) * 1_024) / 1e6;
}

/** utime and stime; counted from behind the name, which may hold spaces and brackets itself. */
function processTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** All of the first line but idle and iowait; guest time (the last two) is counted in user time already. */
function machineTicks(stat: string): number {
  const [user, nice, system, , , irq, softirq, steal] = stat
    .slice(0, stat.indexOf('\n'))
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0) + (steal ?? 0);
}
