import type { RegisteredEndpoint, ServiceRecord } from '../contract/registry.ts';
import { formatAddress } from '../util/address.ts';
import type { MdnsNames } from './mdns-name.ts';
import type { HeardInstance, MdnsInstance } from './mdns-packet.ts';
import { decodeText } from './mdns-text.ts';

/** A node as mDNS tells about it. */
export interface FoundNode {
  readonly service: string;
  readonly version: string;
  readonly endpoints: readonly RegisteredEndpoint[];
  readonly id: string;
  readonly address: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The bytes that it was told in. */
  readonly size: number;
}

/** What one lookup or watch keeps, at most: more than a thousand times what a busy network has, and an attack cannot fill the memory. */
export const MAX_NODES = 10_000;
export const MAX_NODES_SIZE = 64 * 1024 * 1024;

const NOTHING: Readonly<Record<string, string>> = Object.freeze(Object.create(null));

/**
 * What a complete response says about a node; `undefined` when anything is missing, or when the name and the text
 * disagree about the service. A service of another domain is none of ours.
 */
export function nodeOf(heard: HeardInstance, names: MdnsNames): FoundNode | undefined {
  if (heard.address === undefined || heard.text === undefined) return undefined;
  const text = decodeText(heard.text);
  if (text === undefined) return undefined;
  const id = names.nodeOfInstance(heard.name, text.service);
  if (id === undefined) return undefined;
  const { service, version, endpoints, metadata, size } = text;
  return { service, version, endpoints, id, address: heard.address, metadata, size };
}

/** The record of one node. */
export function recordOf({ service, version, endpoints, id, address, metadata }: FoundNode): ServiceRecord {
  const node = Object.freeze({ id, address, metadata });
  return Object.freeze({ name: service, version, metadata: NOTHING, endpoints, nodes: Object.freeze([node]) });
}

/** Whether two responses tell the same about one instance, without reading what they tell. */
export function sameNews(a: HeardInstance, b: HeardInstance): boolean {
  if (a.address !== b.address || a.text?.length !== b.text?.length) return false;
  const other = b.text ?? [];
  return (a.text ?? []).every((part, index) => {
    const counterpart = other[index];
    return counterpart !== undefined && part.equals(counterpart);
  });
}

/** An instance of our own as others hear of it. */
export function heardOf({ name, ip, port, text }: MdnsInstance, ttl: number): HeardInstance {
  return { name, address: formatAddress(ip, port), text, ttl };
}
