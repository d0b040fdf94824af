import { jsonRpcEnvelope } from './json-rpc-envelope.ts';
import type { LegacyEnvelope } from './legacy-envelope.ts';
import { protoRpcEnvelope } from './proto-rpc-envelope.ts';

/** An envelope, and the content type of the value inside it, which names its codec. */
export interface LegacyRoute {
  readonly envelope: LegacyEnvelope;
  readonly contentType: string;
}

/**
 * What a client sends to a node that does not say `protocol` in its metadata: the two common types by their legacy names,
 * any other as it is (go-micro's rule; `Accept` keeps the original).
 */
export function legacyContentType(contentType: string): string {
  if (contentType === 'application/json') return 'application/json-rpc';
  if (contentType === 'application/protobuf') return 'application/proto-rpc';
  return contentType;
}

/**
 * What names the codec inside json-rpc: there Go's `encoding/json` reads and writes generated structs too, with 64-bit
 * integers as bare numbers. It never travels.
 */
export const LEGACY_JSON = 'application/json; dialect=go';

const JSON_ROUTE: LegacyRoute = { envelope: jsonRpcEnvelope, contentType: LEGACY_JSON };
const PROTO_ROUTE: LegacyRoute = { envelope: protoRpcEnvelope, contentType: 'application/protobuf' };
const BYTES_ROUTE: LegacyRoute = { envelope: protoRpcEnvelope, contentType: 'application/octet-stream' };

/**
 * The envelope around a value of a content type, `undefined` when there is none. The two legacy types always have theirs;
 * `legacy` (the peer speaks no header fields) gives one to JSON, protobuf and plain bytes too.
 */
export function legacyRoute(contentType: string, legacy: boolean): LegacyRoute | undefined {
  switch (contentType) {
    case 'application/json-rpc':
      return JSON_ROUTE;
    case 'application/proto-rpc':
      return PROTO_ROUTE;
    case 'application/json':
      return legacy ? JSON_ROUTE : undefined;
    case 'application/protobuf':
      return legacy ? PROTO_ROUTE : undefined;
    case 'application/octet-stream':
      return legacy ? BYTES_ROUTE : undefined;
    default:
      return undefined;
  }
}
