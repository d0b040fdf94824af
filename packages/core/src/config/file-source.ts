import { resolve } from 'node:path';
import type { ConfigObject, ConfigSource } from '../contract/config.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { limitOf } from '../util/limit.ts';
import { sleep } from '../util/timer.ts';
import { configError } from './config-error.ts';
import { readText } from './file-text.ts';
import { type FileWatch, watchFile } from './file-watch.ts';
import { type ConfigFormat, formatOf, parseText } from './parse-text.ts';
import { substituteEnv } from './substitute.ts';
import { toObject } from './tree.ts';
import { endable } from './waiting.ts';

const DEFAULT_MAX_BYTES = 1024 * 1024;
const DEFAULT_POLL_MS = 2_000;
/** So often a file that nobody writes to is looked at before what seems to be half written counts as meant so. */
const ATTEMPTS = 3;
/** So often one is looked at that is written to all the time. */
const MOST_ATTEMPTS = 100;
const BETWEEN_ATTEMPTS_MS = 50;

/** What a file source may take. */
export interface FileSourceOptions {
  /** Default: what the ending of the name says: `.json`, `.yaml`, `.yml`, `.toml`. */
  readonly format?: ConfigFormat | undefined;
  /** Whether a file that is not there is one without values, instead of a 404. Default false. */
  readonly optional?: boolean | undefined;
  /** The largest file, in bytes; more is a 413. Default 1 MiB, which is also the most in Kubernetes; 0 is no limit. */
  readonly maxBytes?: number | undefined;
  /** What `${NAME}` in a text of the file is replaced from; `false` leaves it as it is. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>> | false | undefined;
  /** How often to look at the file, beside being told of changes, while it is watched, in milliseconds. Default 2,000; 0 is never. */
  readonly pollMs?: number | undefined;
}

/** What a file says at one moment. */
interface Found {
  /** `undefined` when there is none, and it is optional. */
  readonly text: string | undefined;
  /** Absent when the text is the one that was seen before. */
  readonly values?: ConfigObject;
}

/**
 * A source of one file of JSON, YAML or TOML, with an object at its top. A relative path starts at the folder in which the
 * process is now. Watching it notices writing in place, replacing by a rename, and the exchange of folders that Kubernetes
 * makes; it throws when the file cannot be read, so that whoever watches decides what then holds.
 */
export function fileSource(path: string, options: FileSourceOptions = {}): ConfigSource {
  const { optional = false, env, pollMs = DEFAULT_POLL_MS } = options;
  if (typeof path !== 'string' || path === '') {
    throw configError(CODE.badRequest, 'a file source needs the path of a file');
  }
  const maxBytes = limitOf('maxBytes', options.maxBytes, DEFAULT_MAX_BYTES);
  const file = resolve(path);
  const format = options.format ?? formatOf(file);

  const look = async (seen: Found | undefined): Promise<Found> => {
    const text = await readText(file, maxBytes);
    if (seen !== undefined && text === seen.text) return { text };
    if (text !== undefined) return { text, values: await parse(text) };
    if (optional) return { text, values: {} };
    throw configError(CODE.notFound, `there is no file ${file}; make it, or say that it is optional`);
  };

  const parse = async (text: string): Promise<ConfigObject> => {
    const tree = toObject(await parseText(text, format, file), file);
    return env === false ? tree : substituteEnv(tree, env ?? process.env, file);
  };

  /**
   * Looks again at a file that is broken, empty or gone: writing one begins with that and is over in a moment. What still
   * is so after some tries, during which nobody wrote, is meant so.
   */
  const lookTwice = async (
    seen: Found | undefined,
    signal: AbortSignal | undefined,
    watch?: FileWatch,
  ): Promise<Found> => {
    let quiet = 1;
    for (let attempt = 1; ; attempt++) {
      const changes = watch?.count;
      const last = quiet === ATTEMPTS || attempt === MOST_ATTEMPTS || signal?.aborted === true;
      try {
        const found = await look(seen);
        const suspect = found.text === '' || (found.text === undefined && seen?.text !== undefined);
        if (last || !suspect || found.values === undefined) return found;
      } catch (error) {
        if (last || !mayPass(error, seen)) throw error;
      }
      await sleep(BETWEEN_ATTEMPTS_MS, signal);
      quiet = watch?.count === changes ? quiet + 1 : 1;
    }
  };

  return {
    name: 'file',
    async read({ signal } = {}) {
      return (await lookTwice(undefined, signal)).values ?? {};
    },
    watch: ({ signal }) =>
      endable(signal, async function* watching(until) {
        if (until.aborted) return;
        // It stands before the file is read the first time, so that nothing falls in between.
        const watch = watchFile(file, pollMs);
        try {
          let seen: Found | undefined;
          while (!until.aborted) {
            const found: Found = await lookTwice(seen, until, watch);
            if (found.values !== undefined) yield found.values;
            seen = found;
            await watch.changed(until);
          }
        } finally {
          watch.close();
        }
      }),
  };
}

/** Whether an error may be over in a moment: a broken text, or a file that is gone although it was there. */
function mayPass(error: unknown, seen: Found | undefined): boolean {
  if (!(error instanceof MicroError)) return false;
  return error.code === CODE.badRequest || (error.code === CODE.notFound && seen?.text !== undefined);
}
