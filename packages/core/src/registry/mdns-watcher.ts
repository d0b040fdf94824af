import type { RegistryEvent, ServiceRecord } from '../contract/registry.ts';
import { now } from '../util/clock.ts';
import { createDeadlineTimer } from '../util/deadline-timer.ts';
import { type EventQueue, eventQueue } from './event-queue.ts';
import { type FoundNode, MAX_NODES, MAX_NODES_SIZE, nodeOf, recordOf, sameNews } from './mdns-instance.ts';
import { isMdnsName, type MdnsNames } from './mdns-name.ts';
import type { HeardInstance } from './mdns-packet.ts';

/** What the watchers take. */
export interface MdnsWatchersOptions {
  readonly names: MdnsNames;
  /** How many events may wait for one watcher. */
  readonly limit: number;
  /** Asks for all instances under a name; the answers come to `hear`. A failure is its own to deal with. */
  ask(name: string): void;
}

/** Follows what is told about nodes, and reports to watchers what that changed. */
export interface MdnsWatchers {
  watch(service: string | undefined, signal: AbortSignal | undefined): EventQueue<RegistryEvent>;
  /** Takes in what a packet told. */
  hear(instances: readonly HeardInstance[]): void;
  /** The nodes of a service that are known because it is watched, however long ago they were heard of. */
  known(service: string): readonly FoundNode[];
  close(): void;
}

/** A node that a watcher knows. */
interface Known {
  heard: HeardInstance;
  readonly found: FoundNode;
  readonly record: ServiceRecord;
  expiresAt: number;
}

interface Watcher {
  readonly service: string | undefined;
  readonly queue: EventQueue<RegistryEvent>;
  /** By the name of the instance. */
  readonly known: Map<string, Known>;
  /** The bytes of what is known. */
  size: number;
  /** What the current round of a watcher of all services asked already. */
  readonly asked: Set<string>;
  /** How many times it has asked. */
  round: number;
  asksAt: number;
}

/** Go nodes tell of themselves three times and never again, so a watcher has to ask; less often as time passes. */
const FIRST_ROUND_MS = 1_000;
const LAST_ROUND_MS = 30_000;
/** A record that claims to live longer is not believed. */
const MAX_TTL_MS = 3_600_000;
const MAX_ASKED = 1_000;

/** Makes the watchers of one registry. Their timer does not keep the process alive. */
export function mdnsWatchers({ names, limit, ask }: MdnsWatchersOptions): MdnsWatchers {
  const watchers = new Set<Watcher>();

  const timer = createDeadlineTimer((time) => {
    let next = Number.POSITIVE_INFINITY;
    for (const watcher of watchers) {
      for (const [name, known] of watcher.known) {
        if (known.expiresAt <= time) forget(watcher, name, known);
        else next = Math.min(next, known.expiresAt);
      }
      if (watcher.asksAt <= time) askAgain(watcher);
      next = Math.min(next, watcher.asksAt);
    }
    return next;
  });

  const askAgain = (watcher: Watcher): void => {
    const pause = Math.min(FIRST_ROUND_MS * 2 ** watcher.round, LAST_ROUND_MS);
    watcher.round++;
    // Many watchers that were started together should not go on asking together.
    watcher.asksAt = now() + pause * (0.8 + 0.4 * Math.random());
    watcher.asked.clear();
    ask(watcher.service === undefined ? names.all : names.service(watcher.service));
  };

  const report = (watcher: Watcher, action: RegistryEvent['action'], record: ServiceRecord): void =>
    watcher.queue.push(Object.freeze({ action, service: record }));

  const forget = (watcher: Watcher, name: string, known: Known): void => {
    watcher.known.delete(name);
    watcher.size -= known.found.size;
    report(watcher, 'delete', known.record);
  };

  const concerns = (watcher: Watcher, name: string): boolean =>
    watcher.service === undefined
      ? name.endsWith(`.${names.domain}`)
      : names.nodeOfInstance(name, watcher.service) !== undefined;

  const hearFor = (watcher: Watcher, heard: HeardInstance, read: () => FoundNode | undefined): void => {
    const listed = names.serviceOfListed(heard.name);
    if (listed !== undefined) {
      if (watcher.service !== undefined || watcher.asked.has(listed) || watcher.asked.size >= MAX_ASKED) return;
      if (!isMdnsName(names.service(listed))) return;
      watcher.asked.add(listed);
      ask(names.service(listed));
      return;
    }
    if (!concerns(watcher, heard.name)) return;
    const known = watcher.known.get(heard.name);
    if (heard.ttl === 0) {
      if (known !== undefined) forget(watcher, heard.name, known);
      return;
    }
    const expiresAt = now() + Math.min(heard.ttl * 1_000, MAX_TTL_MS);
    if (known !== undefined && sameNews(known.heard, heard)) {
      known.expiresAt = expiresAt;
      timer.watch(expiresAt);
      return;
    }
    if (known === undefined && watcher.known.size >= MAX_NODES) return;
    const found = read();
    if (found === undefined || (watcher.service !== undefined && found.service !== watcher.service)) return;
    const size = watcher.size - (known?.found.size ?? 0) + found.size;
    if (size > MAX_NODES_SIZE) return;
    watcher.size = size;
    const record = recordOf(found);
    watcher.known.set(heard.name, { heard, found, record, expiresAt });
    timer.watch(expiresAt);
    report(watcher, known === undefined ? 'create' : 'update', record);
  };

  return {
    watch(service, signal) {
      const queue: EventQueue<RegistryEvent> = eventQueue({ limit, signal, onEnd: () => watchers.delete(watcher) });
      const watcher: Watcher = { service, queue, known: new Map(), size: 0, asked: new Set(), round: 0, asksAt: 0 };
      if (queue.ended) return queue;
      watchers.add(watcher);
      askAgain(watcher);
      timer.watch(watcher.asksAt);
      return queue;
    },

    hear(instances) {
      if (watchers.size === 0) return;
      for (const heard of instances) {
        let found: FoundNode | undefined;
        let isRead = false;
        const read = (): FoundNode | undefined => {
          if (!isRead) found = nodeOf(heard, names);
          isRead = true;
          return found;
        };
        for (const watcher of watchers) hearFor(watcher, heard, read);
      }
    },

    known(service) {
      const time = now();
      const found = new Map<string, FoundNode>();
      for (const watcher of watchers) {
        if (watcher.service !== undefined && watcher.service !== service) continue;
        for (const known of watcher.known.values()) {
          if (known.found.service === service && known.expiresAt > time) found.set(known.found.id, known.found);
        }
      }
      return [...found.values()];
    },

    close() {
      timer.close();
      for (const { queue } of watchers) queue.end();
    },
  };
}
