import type { Node, RegisteredEndpoint, ServiceRecord } from '../contract/registry.ts';
import { sameEndpoints, sameMetadata, sameNode } from './record.ts';

/** A node, and what it said about the version of the service that it runs. */
interface Entry {
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly endpoints: readonly RegisteredEndpoint[];
  readonly node: Node;
  /** Grows with each change; the youngest word on a version counts. */
  readonly age: number;
}

/** What a record changed. */
export interface NodeChanges {
  readonly created: readonly Node[];
  readonly updated: readonly Node[];
}

/** The nodes of one service, of all its versions. */
export interface ServiceNodes {
  readonly size: number;
  /**
   * Takes over the nodes of a record. A node id is unique in its service, so a node that comes with another version
   * leaves the one it had. A node that says what it said before is no change.
   */
  merge(record: ServiceRecord): NodeChanges;
  /** Removes the nodes of a record, where they run its version (`''`: any), and returns those that were there. */
  remove(record: ServiceRecord): readonly Node[];
  /** Takes over all of the records and drops every node that is not among them. Says whether that changed anything. */
  replace(records: readonly ServiceRecord[]): boolean;
  /** One record per version, sorted by version; the same frozen array until something changes. */
  records(): readonly ServiceRecord[];
  /** What one node would be a record of; `undefined` for an unknown id. */
  recordOf(id: string): ServiceRecord | undefined;
}

const NOBODY: readonly ServiceRecord[] = Object.freeze([]);

/** Keeps the nodes of the service of that name. A change costs what it touches; the records are made when next asked for. */
export function serviceNodes(name: string): ServiceNodes {
  let entries = new Map<string, Entry>();
  let snapshot: readonly ServiceRecord[] | undefined = NOBODY;
  let age = 0;

  const unchanged = equality();

  return {
    get size() {
      return entries.size;
    },

    merge(record) {
      const created: Node[] = [];
      const updated: Node[] = [];
      age++;
      for (const node of record.nodes) {
        const known = entries.get(node.id);
        if (known !== undefined && unchanged(known, record, node)) continue;
        (known === undefined ? created : updated).push(node);
        entries.set(node.id, entryOf(record, node, age));
        snapshot = undefined;
      }
      return { created, updated };
    },

    remove(record) {
      const removed: Node[] = [];
      for (const { id } of record.nodes) {
        const known = entries.get(id);
        if (known === undefined || (record.version !== '' && record.version !== known.version)) continue;
        entries.delete(id);
        removed.push(known.node);
        snapshot = undefined;
      }
      return removed;
    },

    replace(records) {
      const next = new Map<string, Entry>();
      let changed = false;
      age++;
      for (const record of records) {
        for (const node of record.nodes) {
          const known = entries.get(node.id);
          const same = known !== undefined && unchanged(known, record, node);
          if (!same) changed = true;
          next.set(node.id, same ? known : entryOf(record, node, age));
        }
      }
      if (!changed && next.size === entries.size) return false;
      entries = next;
      snapshot = undefined;
      return true;
    },

    records() {
      snapshot ??= byVersion(name, entries.values());
      return snapshot;
    },

    recordOf(id) {
      const entry = entries.get(id);
      if (entry === undefined) return undefined;
      const { version, metadata, endpoints, node } = entry;
      return Object.freeze({ name, version, metadata, endpoints, nodes: Object.freeze([node]) });
    },
  };
}

function entryOf(record: ServiceRecord, node: Node, age: number): Entry {
  return { version: record.version, metadata: record.metadata, endpoints: record.endpoints, node, age };
}

/** Thousands of nodes share the endpoints of their version, so the last comparison is remembered. */
function equality(): (entry: Entry, record: ServiceRecord, node: Node) => boolean {
  let left: readonly RegisteredEndpoint[] = [];
  let right: readonly RegisteredEndpoint[] = [];
  let same = true;
  return (entry, record, node) => {
    if (entry.version !== record.version || !sameNode(entry.node, node)) return false;
    if (entry.endpoints !== left || record.endpoints !== right) {
      left = entry.endpoints;
      right = record.endpoints;
      same = sameEndpoints(left, right);
    }
    return same && sameMetadata(entry.metadata, record.metadata);
  };
}

function byVersion(name: string, entries: Iterable<Entry>): readonly ServiceRecord[] {
  const versions = new Map<string, { youngest: Entry; nodes: Node[] }>();
  for (const entry of entries) {
    const version = versions.get(entry.version);
    if (version === undefined) {
      versions.set(entry.version, { youngest: entry, nodes: [entry.node] });
      continue;
    }
    version.nodes.push(entry.node);
    if (entry.age > version.youngest.age) version.youngest = entry;
  }
  if (versions.size === 0) return NOBODY;
  const records = [...versions].map(([version, { youngest, nodes }]) =>
    Object.freeze({
      name,
      version,
      metadata: youngest.metadata,
      endpoints: youngest.endpoints,
      nodes: Object.freeze(nodes),
    }),
  );
  return Object.freeze(records.sort((a, b) => (a.version < b.version ? -1 : 1)));
}
