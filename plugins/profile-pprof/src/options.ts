import { tmpdir } from 'node:os';
import { CODE, type Logger } from '@micro/core';
import { steadyLogger } from '@micro/core/plugin';
import { pprofError } from './pprof-error.ts';
import { type ProfileFiles, profileFiles, uniqueName } from './profile-files.ts';

/** What a pprof profile takes. Every number: `undefined` is the default, `0` is off. */
export interface PprofProfileOptions {
  /** The folder that the files are written to, which is made when there is none. Default: that of the system for temporary files. */
  readonly folder?: string | undefined;
  /**
   * What the names of the files begin with: `<name>.cpu.pprof` and `<name>.mem.pprof`, or with `''` go-micro's bare
   * `cpu.pprof` and `mem.pprof`. Letters, digits and `._@-`. Who gives a name sees to it that nobody else writes there.
   * Default: the program, its process and a number by chance, such as `server-4711-9f3a0c`.
   */
  readonly name?: string | undefined;
  /** Whether files are written. Without, nothing is measured but what is asked for at `address`. Default true. */
  readonly write?: boolean | undefined;
  /** How often it is looked what runs, in milliseconds, 0.1 to 1,000. Default 10, which is Go's; 0 is no CPU profile. */
  readonly cpuIntervalMs?: number | undefined;
  /** One of so many allocated bytes is looked at, from 1,024. Default 524,288, which is Go's; 0 is no heap profile. */
  readonly heapIntervalBytes?: number | undefined;
  /** How often the files are written while the service runs, in milliseconds. Default 60,000; 0 is when it stops only. */
  readonly flushMs?: number | undefined;
  /** Where live profiles are asked for: `host:port`, or `:port` on the loopback interface. Default: nowhere. */
  readonly address?: string | undefined;
  /** How long one live CPU profile may go on, in milliseconds. Default 300,000; 0 is no limit. */
  readonly maxLiveMs?: number | undefined;
  /** Whether functions are shown where they are in the source, not in what was compiled of it. Default true. */
  readonly sourceMaps?: boolean | undefined;
  /** Told where files were written, that the door is open, and once when files cannot be written, and when they can again. */
  readonly logger?: Logger | undefined;
}

/** The options, checked and complete. */
export interface Settings {
  readonly files: ProfileFiles;
  readonly write: boolean;
  readonly cpuIntervalMs: number;
  readonly heapIntervalBytes: number;
  readonly flushMs: number;
  readonly address: string | undefined;
  readonly maxLiveMs: number;
  readonly sourceMaps: boolean;
  readonly logger: Logger | undefined;
}

const MINUTE_MS = 60_000;

/** Throws 400 naming what makes no sense. */
export function checkOptions(options: PprofProfileOptions): Settings {
  const { folder = tmpdir(), name = uniqueName(), write = true, address, sourceMaps = true, logger } = options;
  if (typeof folder !== 'string' || folder === '')
    throw bad(`folder is ${JSON.stringify(folder)}, not the path of one`);
  if (address !== undefined && typeof address !== 'string') throw bad(`address is ${JSON.stringify(address)}, no text`);
  const settings = {
    files: profileFiles(folder, name),
    write,
    cpuIntervalMs: numberOf('cpuIntervalMs', options.cpuIntervalMs ?? 10, 0.1, 1_000),
    heapIntervalBytes: numberOf('heapIntervalBytes', options.heapIntervalBytes ?? 512 * 1024, 1_024, 2 ** 30),
    flushMs: numberOf('flushMs', options.flushMs ?? MINUTE_MS, 1, 24 * 60 * MINUTE_MS),
    address,
    maxLiveMs: numberOf('maxLiveMs', options.maxLiveMs ?? 5 * MINUTE_MS, 1, 24 * 60 * MINUTE_MS),
    sourceMaps,
    logger: steadyLogger(logger),
  };
  if (settings.cpuIntervalMs === 0 && settings.heapIntervalBytes === 0) {
    throw bad('cpuIntervalMs and heapIntervalBytes are both 0, so nothing would be measured: leave the profile out');
  }
  if (!write && address === undefined)
    throw bad('write is false and there is no address, so nobody could see a profile');
  return settings;
}

function numberOf(option: string, value: number, least: number, most: number): number {
  if (value === 0 || (typeof value === 'number' && value >= least && value <= most)) return value;
  throw bad(`${option} is ${JSON.stringify(value)}: it has to be a number from ${least} to ${most}, or 0`);
}

function bad(detail: string): Error {
  return pprofError(CODE.badRequest, detail);
}
