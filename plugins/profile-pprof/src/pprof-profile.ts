import type { Plugin, Profile } from '@micro/core';
import { inTurn } from '@micro/core/plugin';
import { type Measurement, measure } from './measurement.ts';
import { checkOptions, type PprofProfileOptions } from './options.ts';
import { uniqueName } from './profile-files.ts';

export type { PprofProfileOptions } from './options.ts';

/** A profile for `go tool pprof`, and where it is to be found. */
export interface PprofProfile extends Profile {
  /** The files that are written; those of a measurement that is off, or of a profile that writes none, are absent. */
  readonly files: { readonly cpu?: string; readonly mem?: string };
  /** `host:port` of the door for live profiles, while it is open. */
  readonly address: string | undefined;
}

/**
 * Measures where a service spends its time and what holds its memory, in the format that `go tool pprof` reads: into two
 * files, written when it stops and now and then before, and, with `address`, for whoever asks while it runs.
 *
 * V8 has one profiler of each kind in a thread. Several of these profiles share it, and each sees the whole thread.
 * `start` throws 503 when the files cannot be written, 409 when the address cannot be had or something else uses the
 * profiler, 501 where there is no profiler for the platform. `stop` throws 503 when a file could not be written after all.
 */
export function pprofProfile(options: PprofProfileOptions = {}): PprofProfile {
  const settings = checkOptions(options);
  const { files, write, cpuIntervalMs, heapIntervalBytes } = settings;
  const turn = inTurn();
  let running: Measurement | undefined;

  return {
    name: 'pprof',
    files: {
      ...(write && cpuIntervalMs > 0 ? { cpu: files.cpu } : {}),
      ...(write && heapIntervalBytes > 0 ? { mem: files.mem } : {}),
    },
    get address() {
      return running?.address;
    },
    start: () =>
      turn(async () => {
        running ??= await measure(settings);
      }),
    stop: () =>
      turn(async () => {
        const ended = running;
        running = undefined;
        await ended?.end();
      }),
  };
}

/**
 * What `--profile pprof` makes: files in the folder for temporary files, under the service's name where `--server_name`
 * says it, else the program's.
 */
export const plugin: Plugin<PprofProfile> = {
  api: 1,
  kind: 'profile',
  name: 'pprof',
  create({ server_name: service }, { logger }) {
    return pprofProfile({ ...(typeof service === 'string' ? { name: uniqueName(service) } : {}), logger });
  },
};
