import { deflateSync, inflateSync } from 'node:zlib';
import type { RegisteredEndpoint } from '../contract/registry.ts';
import { fieldsOf, goEndpoint, goMetadata, readEndpoints, readMetadata, textOf } from './go-record.ts';

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
  const fields = fieldsOf(json);
  const service = textOf(fields.get('service'));
  if (service === '') return undefined;
  return {
    service,
    version: textOf(fields.get('version')),
    endpoints: readEndpoints(fields.get('endpoints')),
    metadata: readMetadata(fields.get('metadata')),
  };
}
