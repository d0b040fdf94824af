import { deflateSync, inflateSync } from 'node:zlib';
import type { RegisteredEndpoint, Value } from '../contract/registry.ts';

/** What go-micro says about a node in its TXT record. */
export interface MdnsText {
  readonly service: string;
  readonly version: string;
  readonly endpoints: readonly RegisteredEndpoint[];
  /** The node's, not the service's: for that there is no place. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What was read, and how much of it there was. */
export interface DecodedText extends MdnsText {
  /** The bytes of JSON it came from. */
  readonly size: number;
}

/** The longest string in a TXT record. */
const MAX_STRING = 255;
/** A TXT record of 64 KiB could otherwise grow to 32 MiB. */
const MAX_INFLATED = 1024 * 1024;
/** How deep the description of a message is read; a longer nest would only exhaust the stack. */
const MAX_VALUE_DEPTH = 32;

/** JSON, deflated (RFC 1950), in lower-case hex, cut into strings of 255: byte for byte what go-micro inflates. */
export function encodeText({ service, version, endpoints, metadata }: MdnsText): Buffer[] {
  const json = JSON.stringify({
    Service: service,
    Version: version,
    Endpoints: endpoints.length === 0 ? null : endpoints.map(goEndpoint),
    Metadata: goMetadata(metadata),
  });
  const hex = Buffer.from(deflateSync(json).toString('hex'), 'latin1');
  const strings: Buffer[] = [];
  for (let at = 0; at < hex.length; at += MAX_STRING) strings.push(hex.subarray(at, at + MAX_STRING));
  return strings;
}

/** Reads what `encodeText` and go-micro write. `undefined` for anything else: TXT records come from anybody. */
export function decodeText(strings: readonly Uint8Array[]): DecodedText | undefined {
  const hex = Buffer.concat(strings).toString('latin1');
  if (hex === '') return undefined;
  try {
    const bytes = inflateSync(Buffer.from(hex, 'hex'), { maxOutputLength: MAX_INFLATED });
    const text = readText(JSON.parse(bytes.toString('utf8')));
    return text === undefined ? undefined : { ...text, size: bytes.length };
  } catch {
    return undefined;
  }
}

function readText(json: unknown): MdnsText | undefined {
  if (!isObject(json)) return undefined;
  // Go writes these with a capital letter and reads them in any case.
  const fields = new Map(Object.entries(json).map(([key, value]) => [key.toLowerCase(), value]));
  const service = fields.get('service');
  const version = fields.get('version');
  if (typeof service !== 'string' || service === '') return undefined;
  return {
    service,
    version: typeof version === 'string' ? version : '',
    endpoints: Object.freeze(list(fields.get('endpoints')).flatMap(readEndpoint)),
    metadata: readMetadata(fields.get('metadata')),
  };
}

function readEndpoint(json: unknown): readonly RegisteredEndpoint[] {
  if (!isObject(json) || typeof json.name !== 'string') return [];
  return [
    Object.freeze({
      name: json.name,
      request: readValue(json.request, 0),
      response: readValue(json.response, 0),
      metadata: readMetadata(json.metadata),
    }),
  ];
}

function readValue(json: unknown, depth: number): Value | undefined {
  if (!isObject(json) || depth > MAX_VALUE_DEPTH) return undefined;
  const values = list(json.values).flatMap((inner) => readValue(inner, depth + 1) ?? []);
  return Object.freeze({ name: text(json.name), type: text(json.type), values: Object.freeze(values) });
}

function readMetadata(json: unknown): Readonly<Record<string, string>> {
  const metadata: Record<string, string> = Object.create(null);
  if (isObject(json)) {
    for (const [key, value] of Object.entries(json)) if (typeof value === 'string') metadata[key] = value;
  }
  return Object.freeze(metadata);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** What is empty is `null`, as Go writes a nil map or slice. */
function goEndpoint({ name, request, response, metadata }: RegisteredEndpoint): unknown {
  return {
    name,
    request: request === undefined ? null : goValue(request),
    response: response === undefined ? null : goValue(response),
    metadata: goMetadata(metadata),
  };
}

function goValue({ name, type, values }: Value): unknown {
  return { name, type, values: values.length === 0 ? null : values.map(goValue) };
}

function goMetadata(metadata: Readonly<Record<string, string>>): unknown {
  return Object.keys(metadata).length === 0 ? null : metadata;
}
