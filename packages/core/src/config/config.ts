import { isDeepStrictEqual } from 'node:util';
import type {
  Config,
  ConfigObject,
  ConfigReader,
  ConfigSnapshot,
  ConfigSource,
  ConfigValue,
} from '../contract/config.ts';
import type { Logger } from '../contract/logger.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { inTurn } from '../util/in-turn.ts';
import { configError } from './config-error.ts';
import { followSource, readSource } from './follow-source.ts';
import { configReader } from './reader.ts';
import { isObject, merge, toObject, toTree, valueAt, withoutValue, withValue } from './tree.ts';
import { bell, endable } from './waiting.ts';

const DEFAULT_READ_TIMEOUT_MS = 10_000;
const DEFAULT_RETRY_MS = 1_000;

/** What a config may take. */
export interface ConfigOptions {
  /** Where its values come from, the later ones over the earlier. Default: none. */
  readonly sources?: readonly ConfigSource[] | undefined;
  /** Told once when a source can no longer be read, and once when it can again. Default: nobody. */
  readonly logger?: Logger | undefined;
  /** Whether sources that can be watched are. Default true; without, `sync` reads them anew. */
  readonly watch?: boolean | undefined;
  /** How long reading one source may take, in milliseconds. Default 10,000; 0 is no limit. */
  readonly readTimeoutMs?: number | undefined;
  /** The longest pause before a watched source that failed is read again, in milliseconds; the first one is 100. Default 1,000; 0: it does not grow. */
  readonly retryMs?: number | undefined;
}

interface Slot {
  readonly source: ConfigSource;
  values: ConfigObject;
  /** Grows with each tree that was taken, so that a slow read does not undo a later change. */
  revision: number;
}

/**
 * Makes a config of sources, which are read before it is there: what one of them throws, this throws. Objects of several
 * sources are merged name by name; of everything else that of the later source stands, and a `null` makes a value absent.
 * A source that fails later keeps its last good values. Values are frozen, and their objects have no prototype.
 *
 * Close it in the end. Before that it keeps no process alive by itself.
 */
export async function createConfig(options: ConfigOptions = {}): Promise<Config> {
  const { logger, watch = true, readTimeoutMs = DEFAULT_READ_TIMEOUT_MS, retryMs = DEFAULT_RETRY_MS } = options;
  const controller = new AbortController();
  const { signal } = controller;
  const slots: Slot[] = [];
  const following: Promise<void>[] = [];
  const changes = bell();
  /** What the sources say, without what was set. */
  let merged: ConfigValue = toObject({}, 'the config');
  let current: ConfigValue = merged;
  let version = 0;
  /** One `load` or `sync` after the other, so that sources stand in the order in which they were asked for. */
  const turn = inTurn();

  const publish = (values: ConfigValue): void => {
    if (isDeepStrictEqual(values, current)) return;
    current = values;
    version++;
    changes.ring();
  };

  const mergeSlots = (): void => {
    const next = slots.reduce<ConfigValue>((tree, slot) => merge(tree, slot.values), toObject({}, 'the config'));
    if (isDeepStrictEqual(next, merged)) return;
    merged = next;
    publish(next);
  };

  const take = (slot: Slot, values: ConfigObject): void => {
    slot.values = values;
    slot.revision++;
    mergeSlots();
  };

  const follow = (slot: Slot): void => {
    if (!watch || slot.source.watch === undefined) return;
    const accept = (values: ConfigObject): void => take(slot, values);
    following.push(followSource(slot.source, { logger, retryMs, readTimeoutMs, accept, signal }));
  };

  const refuseClosed = (): void => {
    if (signal.aborted) throw configError(CODE.unavailable, 'the config is closed; make another one');
  };

  /** What each source says, or the one error of all those that failed. */
  const readAll = async (
    sources: readonly ConfigSource[],
  ): Promise<{ readonly trees: readonly (ConfigObject | undefined)[]; readonly error: Error | undefined }> => {
    const results = await Promise.allSettled(sources.map((source) => readSource(source, { readTimeoutMs, signal })));
    const trees = results.map((result) => (result.status === 'fulfilled' ? result.value : undefined));
    const failures = results.flatMap((result) =>
      result.status === 'rejected' ? [MicroError.from(result.reason)] : [],
    );
    const [first] = failures;
    if (first === undefined || failures.length === 1) return { trees, error: first };
    const detail = failures.map((failure) => failure.detail).join('; ');
    return {
      trees,
      error: new MicroError({ id: first.id, code: first.code, detail, cause: new AggregateError(failures) }),
    };
  };

  const load = (...sources: ConfigSource[]): Promise<void> =>
    turn(async () => {
      refuseClosed();
      const { trees, error } = await readAll(sources);
      refuseClosed();
      // All or none: half a config is one that nobody has tried.
      if (error !== undefined) throw error;
      const added = sources.map((source, index) => ({ source, values: trees[index] ?? {}, revision: 0 }));
      slots.push(...added);
      mergeSlots();
      for (const slot of added) follow(slot);
    });

  const sync = (): Promise<void> =>
    turn(async () => {
      refuseClosed();
      const before = slots.map(({ revision }) => revision);
      const { trees, error } = await readAll(slots.map(({ source }) => source));
      refuseClosed();
      for (const [index, slot] of slots.entries()) {
        const values = trees[index];
        if (values === undefined || slot.revision !== before[index]) continue;
        slot.values = values;
        slot.revision++;
      }
      mergeSlots();
      if (error !== undefined) throw error;
    });

  await load(...(options.sources ?? []));

  return {
    name: 'config',
    load,
    sync,

    get: (...path: string[]) => configReader(valueAt(current, path), path),

    set(value: ConfigValue, ...path: string[]) {
      refuseClosed();
      const what = 'what is set in the config';
      publish(withValue(current, path, path.length === 0 ? toObject(value, what) : toTree(value, what)));
    },

    delete(...path: string[]) {
      refuseClosed();
      publish(withoutValue(current, path));
    },

    watch(path: readonly string[], { signal: outer }: { readonly signal?: AbortSignal | undefined } = {}) {
      const at = [...path];
      // What counts is what is there now, not when the first value is asked for.
      let seen = valueAt(current, at);
      const until = outer === undefined ? signal : AbortSignal.any([outer, signal]);
      return endable<ConfigReader>(until, async function* watching(ended) {
        while (!ended.aborted) {
          const value = valueAt(current, at);
          if (isDeepStrictEqual(value, seen)) await changes.wait(ended);
          else {
            seen = value;
            yield configReader(value, at);
          }
        }
      });
    },

    snapshot(): ConfigSnapshot {
      return { version, values: isObject(current) ? current : {} };
    },

    async close() {
      controller.abort();
      await Promise.all(following);
    },
  };
}
