import type { MicroError, RegistryEvent, ServiceRecord } from '@micro/core';
import { type EventQueue, eventQueue, sameEndpoints, sameMetadata, sameNode } from '@micro/core/plugin';
import type { IKeyValue } from 'etcd3';
import type { EtcdCalls } from './etcd-calls.ts';
import { isCompacted, isHistoryLost, statusOf } from './etcd-status.ts';
import type { KeyRange } from './record-keys.ts';
import type { ReadRecord } from './record-values.ts';
import type { WatchHub } from './watch-hub.ts';

/** The changes of one service, or of all, for any number of watchers. */
export interface ServiceFeed {
  /** Changes from now on, until the signal aborts or the iteration is left. */
  watch(signal: AbortSignal | undefined): AsyncIterable<RegistryEvent>;
  /** Resolves when it knows what is there, or cannot find out now: what is registered after that is seen. */
  readonly begun: Promise<void>;
  /**
   * What was there before etcd lost its data, and may register anew: for somebody who reads etcd at that revision, and may
   * be sooner than the watch.
   */
  lostAt(revision: number): readonly ServiceRecord[];
  /** Ends all watches. */
  end(): void;
}

export interface ServiceFeedOptions {
  /** Only records of this service; others may have the same keys. Default: all. */
  readonly service: string | undefined;
  readonly range: KeyRange;
  readonly calls: EtcdCalls;
  readonly hub: WatchHub;
  readonly readRecord: ReadRecord;
  readonly watchLimit: number;
  /** How long who was lost with the data of etcd has to register anew, in milliseconds. */
  readonly graceMs: number;
  /** Nobody watches any more. */
  readonly onEmpty: () => void;
}

/** What is known of a key. */
interface Known {
  /** Which write of the key this is; the lease tells apart two etcds that have counted alike. */
  readonly created: string;
  readonly modified: string;
  readonly lease: string;
  /** `undefined` for what is no record. */
  readonly record: ServiceRecord | undefined;
}

/** What has become of the past that is known. `forgotten`: compacted. `another`: these are the data of another etcd. */
type Past = 'same' | 'forgotten' | 'another';

/**
 * Follows a range of keys and knows what is in it, so that it can say what is gone without etcd's help, and what has changed
 * while it could not watch. It goes on from the revision where it stopped when etcd's past is still the one that it knows:
 * the same keys, written at the same revisions. Otherwise it reads all and tells the difference. An etcd that lost its data
 * says nothing about who still runs, so what is missing there is told as gone only when it had time to register anew.
 */
export function serviceFeed(options: ServiceFeedOptions): ServiceFeed {
  const { service, range, calls, hub, readRecord, watchLimit, graceMs, onEmpty } = options;
  const what = `watching ${service ?? 'all services'} in`;
  const watchers = new Set<EventQueue<RegistryEvent>>();
  let known = new Map<string, Known>();
  /** What was lost with the data of etcd, and may come back. */
  const missed = new Map<string, Known>();
  let grace: NodeJS.Timeout | undefined;
  /** All changes up to this one are in `known`; `undefined` until it was read for the first time. */
  let revision: number | undefined;
  let begin: () => void = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });

  const tell = (action: RegistryEvent['action'], record: ServiceRecord): void => {
    const event = Object.freeze({ action, service: record });
    for (const watcher of watchers) watcher.push(event);
  };

  const compare = (before: ServiceRecord | undefined, after: ServiceRecord | undefined): void => {
    if (before === undefined) {
      if (after !== undefined) tell('create', after);
    } else if (after === undefined) tell('delete', before);
    else if (before.name !== after.name || before.nodes[0]?.id !== after.nodes[0]?.id) {
      tell('delete', before);
      tell('create', after);
    } else if (!sameRecord(before, after)) tell('update', after);
  };

  const knownOf = (entry: IKeyValue): Known => {
    const record = readRecord(entry);
    return {
      created: entry.create_revision,
      modified: entry.mod_revision,
      lease: entry.lease,
      record: service === undefined || record?.name === service ? record : undefined,
    };
  };

  const pastAt = (then: number): Promise<Past> =>
    calls.ask(what, undefined, async (asking) => {
      try {
        const { entries } = await calls.read(range, asking, { revision: then, keysOnly: true });
        const isSame =
          entries.length === known.size && entries.every((entry) => isSameWrite(known.get(idOf(entry)), entry));
        return isSame ? 'same' : 'another';
      } catch (error) {
        const status = statusOf(error);
        if (!isHistoryLost(status)) throw error;
        return isCompacted(status) ? 'forgotten' : 'another';
      }
    });

  const giveUpMissed = (): void => {
    const gone = [...missed.values()];
    missed.clear();
    for (const { record } of gone) compare(record, undefined);
  };

  const readAll = async (past: Past): Promise<number> => {
    const listing = await calls.ask(what, undefined, (asking) => calls.read(range, asking));
    const before = known;
    known = new Map(listing.entries.map((entry) => [idOf(entry), knownOf(entry)]));
    if (revision === undefined) return listing.revision;
    for (const [key, old] of before) {
      if (known.has(key)) continue;
      if (past === 'another' && graceMs > 0) missed.set(key, old);
      else compare(old.record, undefined);
    }
    for (const [key, { record }] of known) compare(before.get(key)?.record ?? recall(key), record);
    if (missed.size > 0) {
      clearTimeout(grace);
      grace = setTimeout(giveUpMissed, graceMs);
      grace.unref();
    }
    return listing.revision;
  };

  /** What was known of a key that had been lost and is there again. */
  const recall = (key: string): ServiceRecord | undefined => {
    const record = missed.get(key)?.record;
    missed.delete(key);
    return record;
  };

  const stop = hub.follow({
    range,
    async prepare() {
      try {
        const past = revision === undefined ? 'another' : await pastAt(revision);
        if (revision === undefined || past !== 'same') revision = await readAll(past);
        return revision + 1;
      } finally {
        begin();
      }
    },
    changed(events, complete) {
      for (const { type, kv } of events) {
        const key = idOf(kv);
        const before = known.get(key)?.record ?? recall(key);
        if (type === 'Delete') {
          known.delete(key);
          compare(before, undefined);
        } else {
          const next = knownOf(kv);
          known.set(key, next);
          compare(before, next.record);
        }
      }
      const last = events.at(-1);
      // Of an answer in pieces, the last revision may go on in the next one.
      const end = last === undefined ? undefined : Number(last.kv.mod_revision) - (complete ? 0 : 1);
      if (end !== undefined && revision !== undefined) revision = Math.max(revision, end);
      return undefined;
    },
    refused(error: MicroError) {
      begin();
      for (const watcher of [...watchers]) watcher.fail(error);
    },
  });

  return {
    begun,

    lostAt(now) {
      const isAnother = graceMs > 0 && revision !== undefined && now < revision;
      return [...missed.values(), ...(isAnother ? known.values() : [])].flatMap(({ record }) => record ?? []);
    },

    watch(signal) {
      const watcher: EventQueue<RegistryEvent> = eventQueue({
        limit: watchLimit,
        signal,
        onEnd() {
          watchers.delete(watcher);
          if (watchers.size > 0) return;
          clearTimeout(grace);
          stop();
          begin();
          onEmpty();
        },
      });
      watchers.add(watcher);
      return watcher.events;
    },

    end() {
      for (const watcher of [...watchers]) watcher.end();
    },
  };
}

/** Keys are bytes, and latin1 has a character for each of them. */
function idOf({ key }: Pick<IKeyValue, 'key'>): string {
  return key.toString('latin1');
}

function isSameWrite(known: Known | undefined, entry: IKeyValue): boolean {
  return (
    known !== undefined &&
    known.created === entry.create_revision &&
    known.modified === entry.mod_revision &&
    known.lease === entry.lease
  );
}

/** Renewing a record that did not change is no change. */
function sameRecord(a: ServiceRecord, b: ServiceRecord): boolean {
  const [before, after] = [a.nodes[0], b.nodes[0]];
  return (
    before !== undefined &&
    after !== undefined &&
    a.version === b.version &&
    sameNode(before, after) &&
    sameMetadata(a.metadata, b.metadata) &&
    sameEndpoints(a.endpoints, b.endpoints)
  );
}
