import type { Header } from '../contract/message.ts';
import type { Metadata, MetadataInit } from '../contract/metadata.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { canonicalHeaderName, isHeaderName } from './header-name.ts';
import { CREDENTIAL_HEADERS, isReservedHeader } from './reserved-header.ts';

/** What a header value must not hold (RFC 9110 section 5.5): anything else could end the line and begin another. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const FORBIDDEN = /[\0-\x08\x0a-\x1f\x7f]/;

/** Makes metadata, from other metadata or an object. Refuses what could not travel as a header field. */
export function createMetadata(init?: MetadataInit): Metadata {
  const pairs = new Map<string, string>();
  const metadata: Metadata = {
    get size() {
      return pairs.size;
    },
    get: (name) => pairs.get(canonicalHeaderName(name)),
    has: (name) => pairs.has(canonicalHeaderName(name)),
    set(name, value) {
      pairs.set(checkedName(name), checkedValue(name, value));
    },
    delete(name) {
      pairs.delete(canonicalHeaderName(name));
    },
    [Symbol.iterator]: () => pairs.entries(),
  };
  if (init !== undefined) {
    for (const [name, value] of isMetadata(init) ? init : Object.entries(init)) metadata.set(name, value);
  }
  return metadata;
}

/** The metadata in the header of a message that arrived: what does not belong to the protocol. */
export function metadataFrom(...headers: readonly (Header | undefined)[]): Metadata {
  const metadata = createMetadata();
  for (const header of headers) {
    for (const name in header) {
      const value = header[name];
      // A peer may send what we would not: it is left out here rather than refused, as it was not asked for.
      if (value === undefined || isReservedHeader(name) || !isHeaderName(name) || FORBIDDEN.test(value)) continue;
      metadata.set(name, value);
    }
  }
  return metadata;
}

/** A copy for others: without what proves who sent it, which is not ours to show. */
export function forwardedMetadata(metadata: Metadata): Metadata {
  const copy = createMetadata(metadata);
  for (const name of CREDENTIAL_HEADERS) copy.delete(name);
  return copy;
}

/** Metadata as header fields, or `undefined` when there is none. */
export function headerFrom(metadata: Metadata): Record<string, string> | undefined {
  if (metadata.size === 0) return undefined;
  const header: Record<string, string> = Object.create(null);
  for (const [name, value] of metadata) header[name] = value;
  return header;
}

function isMetadata(init: MetadataInit): init is Metadata {
  return Symbol.iterator in init;
}

function checkedName(name: string): string {
  const canonical = canonicalHeaderName(name);
  if (!isHeaderName(name)) {
    throw new MicroError({
      code: CODE.badRequest,
      detail: `metadata name ${shown(name)} is no header name: use letters, digits and -`,
    });
  }
  if (isReservedHeader(canonical)) {
    throw new MicroError({
      code: CODE.badRequest,
      detail: `metadata name ${shown(name)} belongs to the protocol: choose another`,
    });
  }
  return canonical;
}

function checkedValue(name: string, value: string): string {
  if (typeof value !== 'string' || FORBIDDEN.test(value)) {
    throw new MicroError({
      code: CODE.badRequest,
      detail: `metadata ${shown(name)} has a value that is no text without line breaks and control characters: ${shown(value)}`,
    });
  }
  return value;
}

function shown(value: unknown): string {
  return JSON.stringify(String(value).slice(0, 80));
}
