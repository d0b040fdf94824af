import type { Node, ServiceRecord } from '@micro/core';
import { encodeRecord, fullJitterMs } from '@micro/core/plugin';
import type { Asking, EtcdCalls } from './etcd-calls.ts';
import { wholeSeconds } from './etcd-options.ts';
import { lane } from './lane.ts';
import { type OwnNode, ownNode } from './own-node.ts';
import type { RecordKeys } from './record-keys.ts';
import type { WatchHub } from './watch-hub.ts';

/** The nodes that this process registered. */
export interface OwnNodes {
  /** Registers or renews the nodes of a record. Without a ttl they are renewed by themselves from then on. */
  register(record: ServiceRecord, ttlMs: number | undefined, asking: Asking): Promise<void>;
  deregister(record: ServiceRecord, asking: Asking): Promise<void>;
  /** Takes all of them out again, but for those that are registered for ever. */
  release(asking: Asking): Promise<void>;
  /** Nothing is renewed or watched any more. */
  close(): void;
}

export interface OwnNodesOptions {
  readonly keys: RecordKeys;
  readonly calls: EtcdCalls;
  readonly hub: WatchHub;
  /** The ttl of what is registered without one. */
  readonly usualTtlMs: number;
}

/** A node, and for how long it has to be there. */
interface Kept {
  readonly node: OwnNode;
  /** When it may go unless it is renewed, by `performance.now()`; `Infinity` when it may not. */
  until: number;
  /** Of its lease; 0 is none. */
  seconds: number;
  /** Ends the watch of its key. */
  unwatch: (() => void) | undefined;
  /** The next time it is renewed by itself. */
  timer: NodeJS.Timeout | undefined;
  gone: boolean;
}

/** How many calls are made for nodes at a time. */
const WIDTH = 32;
/** A lease is renewed so many times before it would end. */
const RENEWALS = 3;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** A day: no timer can wait for ever. */
const LONGEST_DELAY_MS = 86_400_000;

/**
 * Keeps the nodes of this process in etcd. Who registers with a ttl renews it by registering again, and etcd removes what is
 * not renewed. Until then each key is watched: one that was deleted behind our back, or was lost with the data of etcd, is
 * written again at once, and so it is looked for whenever the watch had to begin anew.
 */
export function ownNodes({ keys, calls, hub, usualTtlMs }: OwnNodesOptions): OwnNodes {
  const kept = new Map<string, Kept>();
  const inLine = lane(WIDTH);

  const forget = (entry: Kept): void => {
    entry.gone = true;
    clearTimeout(entry.timer);
    entry.unwatch?.();
    entry.unwatch = undefined;
    const id = entry.node.key.toString();
    if (kept.get(id) === entry) kept.delete(id);
  };

  /** Writes a node again if it is gone. Returns the revision at which it was there; `undefined` when it need not be. */
  const restore = (entry: Kept): Promise<number | undefined> =>
    entry.node.turn(async () => {
      const leftMs = entry.until - performance.now();
      if (entry.gone || leftMs <= 0) {
        forget(entry);
        return undefined;
      }
      const seconds = entry.seconds === 0 ? 0 : Math.min(entry.seconds, Math.ceil(leftMs / 1_000));
      const { service, id } = entry.node;
      return calls.ask(`keeping the node ${id} of ${service} in`, undefined, (asking) =>
        entry.node.restore(seconds, asking),
      );
    });

  const watch = (entry: Kept): void => {
    entry.unwatch ??= hub.follow({
      range: { key: entry.node.key, onlyDeletes: true },
      async prepare() {
        const revision = await restore(entry);
        return revision === undefined ? undefined : revision + 1;
      },
      async changed() {
        await restore(entry);
      },
      refused() {
        // It is not watched then, and is looked for when it is renewed.
        entry.unwatch = undefined;
      },
    });
  };

  const renewIn = (entry: Kept, delayMs: number, failures: number): void => {
    clearTimeout(entry.timer);
    if (entry.gone) return;
    entry.timer = setTimeout(() => void renew(entry, failures), delayMs);
    entry.timer.unref();
  };

  /** Never throws: etcd being lost is told by the question. */
  const renew = async (entry: Kept, failures: number): Promise<void> => {
    const { service, id } = entry.node;
    try {
      await entry.node.turn(async () => {
        if (entry.gone) return;
        await calls.ask(`renewing the node ${id} of ${service} in`, undefined, (asking) =>
          entry.node.renew(entry.seconds, asking),
        );
      });
      renewIn(entry, usualDelay(entry), 0);
    } catch {
      renewIn(entry, fullJitterMs(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, failures), failures + 1);
    }
  };

  const keep = async (record: ServiceRecord, only: Node, ttlMs: number | undefined, asking: Asking): Promise<void> => {
    const entry = entryOf(record.name, only.id);
    const seconds = wholeSeconds(ttlMs ?? usualTtlMs);
    const value = Buffer.from(encodeRecord({ ...record, nodes: [only] }));
    await entry.node.turn(async () => {
      // Counted from before the lease begins, so that what ended with its lease is never taken for lost.
      const begunAt = performance.now();
      await entry.node.place(value, seconds, asking);
      if (entry.gone) return;
      entry.seconds = seconds;
      entry.until = ttlMs === undefined || seconds === 0 ? Number.POSITIVE_INFINITY : begunAt + seconds * 1_000;
      watch(entry);
      clearTimeout(entry.timer);
      if (ttlMs === undefined && seconds > 0) renewIn(entry, usualDelay(entry), 0);
    });
  };

  const entryOf = (service: string, id: string): Kept => {
    const key = keys.ofNode(service, id);
    const known = kept.get(key.toString());
    if (known?.node.service === service && known.node.id === id) return known;
    const node = ownNode(service, id, key, calls);
    const entry: Kept = { node, until: 0, seconds: 0, unwatch: undefined, timer: undefined, gone: false };
    // Where two nodes have one key the first one keeps it; etcd says so to the other one.
    if (known === undefined) kept.set(key.toString(), entry);
    return entry;
  };

  return {
    async register(record, ttlMs, asking) {
      // All are checked before the first one is written.
      for (const { id } of record.nodes) keys.ofNode(record.name, id);
      await all(record.nodes.map((node) => inLine(() => keep(record, node, ttlMs, asking))));
    },

    async deregister(record, asking) {
      const entries = record.nodes.map(({ id }) => entryOf(record.name, id));
      entries.forEach(forget);
      await all(entries.map(({ node }) => inLine(() => node.turn(() => node.remove(asking)))));
    },

    async release(asking) {
      const entries = [...kept.values()];
      entries.forEach(forget);
      await all(entries.map(({ node }) => inLine(() => node.turn(() => node.release(asking)))));
    },

    close() {
      for (const entry of [...kept.values()]) forget(entry);
    },
  };
}

/** Waits for all of them, and throws what the first one that failed was rejected with. */
async function all(tasks: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(tasks);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** Never all nodes at the same moment. */
function usualDelay({ seconds }: Kept): number {
  return Math.min((seconds * 1_000 * (0.8 + 0.2 * Math.random())) / RENEWALS, LONGEST_DELAY_MS);
}
