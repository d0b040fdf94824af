import type { Logger } from '../contract/logger.ts';
import type { Registry, RegistryCallOptions, RegistryEvent, ServiceRecord } from '../contract/registry.ts';
import { CODE } from '../error/code.ts';
import { unlessAborted } from '../util/abort.ts';
import { now } from '../util/clock.ts';
import { fullJitterMs } from '../util/full-jitter.ts';
import { reasonOf } from '../util/reason.ts';
import { LONGEST_TIMER_MS, pause } from '../util/timer.ts';
import { within } from '../util/within.ts';
import { copyRecord } from './record.ts';
import { abortError, refuseAborted, registryError } from './registry-error.ts';
import { type ServiceNodes, serviceNodes } from './service-nodes.ts';

/** What a cached registry may take. Every number: `undefined` is the default. */
export interface CachedRegistryOptions {
  /** How often what is known about a service is asked for anew, in milliseconds. Default 60,000; 0 leaves it to the watch. */
  readonly ttlMs?: number | undefined;
  /** How long an answer that nobody is registered counts, in milliseconds. Default 1,000; 0 asks each time. */
  readonly unknownTtlMs?: number | undefined;
  /** When a service that nobody asks for is forgotten, in milliseconds. Default 600,000; 0 is never. */
  readonly idleMs?: number | undefined;
  /** How many services are remembered; the one unused for longest makes room. Default 1,000; 0 is no limit. */
  readonly maxServices?: number | undefined;
  /** How long the registry may take for a lookup, in milliseconds. Default 5,000; 0 is for ever. */
  readonly timeoutMs?: number | undefined;
  /** Told when the registry is lost and when it is back. Default: nobody is told. */
  readonly logger?: Logger | undefined;
}

/** A service that was looked up. */
interface Entry {
  readonly name: string;
  readonly nodes: ServiceNodes;
  /** There was a first answer, so the nodes are all there are. */
  answered: boolean;
  /** Asked for since the last look; setting it is all that a call costs. */
  used: boolean;
  usedAt: number;
  /** When the registry last had something to say about the service. */
  heardAt: number;
  lookup: Promise<readonly ServiceRecord[]> | undefined;
  /** What the watch told while a lookup was under way, which the answer may not know yet. */
  meanwhile: RegistryEvent[] | undefined;
  /** Ends the watch; `undefined` while there is none. */
  watch: AbortController | undefined;
  refresh: NodeJS.Timeout | undefined;
  /** Something may have happened that was told to nobody. */
  unsure: boolean;
  /** How many lookups in the background failed in a row. */
  failures: number;
  forgotten: boolean;
}

const DEFAULT_TTL_MS = 60_000;
const DEFAULT_UNKNOWN_TTL_MS = 1_000;
const DEFAULT_IDLE_MS = 600_000;
const DEFAULT_MAX_SERVICES = 1_000;
const DEFAULT_TIMEOUT_MS = 5_000;
/** What happened between the first answer and the beginning of the watch is asked for soon after. */
const SETTLE_MS = 1_000;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 10_000;
/** A watch that lasted so long was a good one. */
const GOOD_WATCH_MS = 10_000;
/** How often a cache that never asks anew looks for services that are no longer asked for. */
const IDLE_CHECK_MS = 60_000;

/**
 * Remembers what a registry said, so that a call finds its nodes without asking: `getService` answers at once, and with
 * the identical array until something changes.
 *
 * A looked-up service is watched, and asked for anew every `ttlMs` behind the callers' backs, since a watch alone is not
 * to be trusted. When the registry cannot be reached, what was last known stays; an answer without nodes empties it. Each
 * wait has a deadline. What is registered and deregistered here is known here at once. `close` ends the watches; the
 * registry itself stays open, for who made it to close.
 */
export function cachedRegistry(registry: Registry, options: CachedRegistryOptions = {}): Registry {
  const {
    ttlMs = DEFAULT_TTL_MS,
    unknownTtlMs = DEFAULT_UNKNOWN_TTL_MS,
    idleMs = DEFAULT_IDLE_MS,
    maxServices = DEFAULT_MAX_SERVICES,
    timeoutMs = DEFAULT_TIMEOUT_MS,
    logger,
  } = options;
  const entries = new Map<string, Entry>();
  const closing = new AbortController();
  let lost = false;

  /** One line per transition, not per service and attempt. */
  const tell = (failure: unknown): void => {
    const isLost = failure !== undefined;
    if (isLost === lost || closing.signal.aborted) return;
    lost = isLost;
    if (isLost) {
      logger?.log('warn', `the ${registry.name} registry cannot be reached, so what was last known is used`, {
        error: reasonOf(failure),
      });
    } else logger?.log('info', `the ${registry.name} registry is reached again`);
  };

  /** Asks the registry, once for all who wait. */
  const lookUp = (entry: Entry): Promise<readonly ServiceRecord[]> => {
    entry.lookup ??= ask(entry).finally(() => {
      entry.lookup = undefined;
      entry.meanwhile = undefined;
    });
    return entry.lookup;
  };

  const ask = async (entry: Entry): Promise<readonly ServiceRecord[]> => {
    const what = `looking up ${entry.name} in the ${registry.name} registry`;
    const meanwhile: RegistryEvent[] = [];
    entry.meanwhile = meanwhile;
    try {
      const find = async (signal: AbortSignal): Promise<readonly ServiceRecord[]> =>
        registry.getService(entry.name, { signal });
      const answer = await within(timeoutMs, what, find, closing.signal);
      entry.nodes.replace(answer);
      for (const event of meanwhile) apply(entry, event);
    } catch (error) {
      tell(error);
      throw error;
    }
    tell(undefined);
    entry.failures = 0;
    entry.heardAt = now();
    entry.answered = true;
    entry.unsure = false;
    const records = entry.nodes.records();
    if (records.length > 0) startWatch(entry);
    return records;
  };

  const apply = (entry: Entry, { action, service }: RegistryEvent): void => {
    if (service.name !== entry.name) return;
    if (action !== 'delete') entry.nodes.merge(service);
    else if (service.nodes.length > 0) entry.nodes.remove(service);
    // go-micro's way of saying that all of a service is gone. It is asked rather than believed.
    else lookAgain(entry, 0);
  };

  const hear = (entry: Entry, event: RegistryEvent): void => {
    entry.meanwhile?.push(event);
    if (!entry.answered) return;
    apply(entry, event);
    entry.heardAt = now();
  };

  const startWatch = (entry: Entry): void => {
    if (entry.watch !== undefined || entry.forgotten || closing.signal.aborted) return;
    const controller = new AbortController();
    entry.watch = controller;
    void follow(entry, controller.signal);
    lookAgain(entry, SETTLE_MS);
  };

  /** Follows the watch, and begins another one whenever it ends. Never throws. */
  const follow = async (entry: Entry, signal: AbortSignal): Promise<void> => {
    for (let attempt = 0; !signal.aborted; attempt++) {
      const begunAt = now();
      let failure: unknown = 'the watch ended';
      try {
        for await (const event of registry.watch({ service: entry.name, signal })) {
          if (signal.aborted) return;
          hear(entry, event);
          attempt = 0;
        }
      } catch (error) {
        failure = error;
      }
      if (signal.aborted) return;
      logger?.log('debug', `the watch of ${entry.name} is begun anew`, { error: reasonOf(failure) });
      if (now() - begunAt > GOOD_WATCH_MS) attempt = 0;
      await pause(backoff(attempt), signal);
      lookAgain(entry, SETTLE_MS * Math.random());
    }
  };

  const lookAgain = (entry: Entry, delayMs: number): void => {
    entry.unsure = true;
    refreshIn(entry, delayMs);
  };

  const refreshIn = (entry: Entry, delayMs: number): void => {
    if (entry.forgotten || closing.signal.aborted) return;
    clearTimeout(entry.refresh);
    entry.refresh = setTimeout(() => refresh(entry), Math.min(delayMs, LONGEST_TIMER_MS));
    entry.refresh.unref();
  };

  /** The look at a service that comes round again and again. */
  const refresh = (entry: Entry): void => {
    const time = now();
    if (entry.used) {
      entry.used = false;
      entry.usedAt = time;
    }
    // A service that nobody runs any more is forgotten, and with it its watch: who asks for it asks the registry.
    const gone = entry.nodes.size === 0 && time - entry.heardAt > unknownTtlMs;
    if (gone || (idleMs > 0 && time - entry.usedAt > idleMs)) {
      forget(entry);
      return;
    }
    // Never all services at the same moment.
    const next = (ttlMs === 0 ? IDLE_CHECK_MS : ttlMs) * (0.9 + 0.2 * Math.random());
    if (ttlMs === 0 && !entry.unsure) {
      refreshIn(entry, next);
      return;
    }
    lookUp(entry).then(
      () => {
        // Asked once more soon if the watch began only with this answer.
        if (!entry.unsure) refreshIn(entry, next);
      },
      () => refreshIn(entry, backoff(entry.failures++)),
    );
  };

  const forget = (entry: Entry): void => {
    entry.forgotten = true;
    entry.watch?.abort();
    clearTimeout(entry.refresh);
    if (entries.get(entry.name) === entry) entries.delete(entry.name);
  };

  const remember = (name: string): Entry => {
    if (maxServices > 0 && entries.size >= maxServices) {
      let oldest: Entry | undefined;
      for (const entry of entries.values()) {
        if (entry.used) {
          entry.used = false;
          entry.usedAt = now();
        }
        if (oldest === undefined || entry.usedAt < oldest.usedAt) oldest = entry;
      }
      if (oldest !== undefined) forget(oldest);
    }
    const entry: Entry = {
      name,
      nodes: serviceNodes(name),
      answered: false,
      used: true,
      usedAt: now(),
      heardAt: 0,
      lookup: undefined,
      meanwhile: undefined,
      watch: undefined,
      refresh: undefined,
      unsure: false,
      failures: 0,
      forgotten: false,
    };
    entries.set(name, entry);
    return entry;
  };

  return {
    name: registry.name,

    getService(name, call) {
      const known = entries.get(name);
      if (known?.answered === true && call?.signal?.aborted !== true) {
        known.used = true;
        const records = known.nodes.records();
        if (records.length > 0 || now() - known.heardAt < unknownTtlMs) return records;
      }
      return waitFor(name, call);
    },

    async register(record, call) {
      await registry.register(record, call);
      const entry = entries.get(record.name);
      if (entry?.answered === true && entry.nodes.size === 0) forget(entry);
      else if (entry !== undefined) hear(entry, { action: 'update', service: copyRecord(record) });
    },

    async deregister(record, call) {
      await registry.deregister(record, call);
      const entry = entries.get(record.name);
      if (entry !== undefined) hear(entry, { action: 'delete', service: record });
    },

    listServices: (call) => registry.listServices(call),

    watch: (watch) => registry.watch(watch),

    async close() {
      closing.abort(registryError(CODE.unavailable, 'the cached registry is closed; make another one'));
      for (const entry of entries.values()) forget(entry);
    },
  };

  async function waitFor(name: string, { signal }: RegistryCallOptions = {}): Promise<readonly ServiceRecord[]> {
    const what = `looking up ${name}`;
    refuseAborted(what, signal);
    closing.signal.throwIfAborted();
    const entry = entries.get(name) ?? remember(name);
    entry.used = true;
    try {
      return await unlessAborted(lookUp(entry), signal, (reason) => abortError(what, reason));
    } finally {
      // Nothing is kept of a name that nobody is registered under, but for the moment that its absence counts.
      if (entry.nodes.size === 0) refreshIn(entry, unknownTtlMs + 1);
    }
  }
}

/** Full jitter, doubling from 100 ms to 10 s. */
function backoff(attempt: number): number {
  return fullJitterMs(RETRY_MIN_MS, RETRY_MAX_MS, attempt);
}
