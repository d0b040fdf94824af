import type { Logger, RegisteredEndpoint, ServiceRecord } from '@micro/core';
import { decodeRecord, sameEndpoints } from '@micro/core/plugin';
import type { IKeyValue } from 'etcd3';
import type { RecordKeys } from './record-keys.ts';

/** Reads what stands under a key; `undefined` for what is no record. Whoever can write to etcd can write anything. */
export type ReadRecord = (entry: Pick<IKeyValue, 'key' | 'value'>) => ServiceRecord | undefined;

/** Nobody describes a service in more. etcd's own limit is 1.5 MiB, unless it was raised. */
const MAX_VALUE_BYTES = 1024 * 1024;
/** How many keys are remembered so that each is told of once. */
const MAX_TOLD = 1_000;
/** So much of such a key is remembered and told: it may be as long as a value. */
const SHOWN_BYTES = 200;
/** For so many versions of services the endpoints are remembered. */
const MAX_SHARED = 1_000;

/**
 * Reads records, and tells the logger once of each key whose value makes no sense: no JSON of a record, too large, or of a
 * node that belongs under another key. A record has the one node that its key is of.
 */
export function recordReader(keys: RecordKeys, logger: Logger | undefined): ReadRecord {
  const told = new Set<string>();
  const shared = new Map<string, readonly RegisteredEndpoint[]>();
  const leaveOut = (key: Buffer, reason: string): undefined => {
    const text = key.toString('utf8', 0, SHOWN_BYTES);
    if (told.has(text)) return undefined;
    if (told.size >= MAX_TOLD) told.clear();
    told.add(text);
    logger?.log('warn', `the etcd key ${JSON.stringify(text)} is left out: ${reason}`);
    return undefined;
  };
  /** The endpoints are most of a record, and the nodes of one version all have the same: they are kept once. */
  const shareEndpoints = ({ name, version, endpoints }: ServiceRecord): readonly RegisteredEndpoint[] => {
    const id = `${version} ${name}`;
    const known = shared.get(id);
    if (known !== undefined && sameEndpoints(known, endpoints)) return known;
    if (shared.size >= MAX_SHARED) shared.clear();
    shared.set(id, endpoints);
    return endpoints;
  };
  return ({ key, value }) => {
    if (value.length > MAX_VALUE_BYTES) return leaveOut(key, `its value has more than ${MAX_VALUE_BYTES} bytes`);
    const record = decodeRecord(value.toString());
    if (record === undefined) return leaveOut(key, 'its value is no record of a service with a node');
    const node = record.nodes.find(({ id }) => keys.isOf(key, record.name, id));
    if (node === undefined) return leaveOut(key, 'its value is of a node that has another key');
    return Object.freeze({ ...record, endpoints: shareEndpoints(record), nodes: Object.freeze([node]) });
  };
}
