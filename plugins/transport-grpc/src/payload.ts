import { CODE, MicroError } from '@micro/core';

/**
 * What a content type of ours is on gRPC's wire. There a message is always bare, behind the prefix that gRPC itself writes;
 * core's `application/grpc` types have that prefix inside the body, where other transports need it.
 */
export interface Payload {
  /** What go-micro says beside the call, as `x-content-type`. */
  readonly named: string;
  /** Our content type on the side that serves. */
  readonly served: string;
  /** The body has gRPC's prefix. */
  readonly prefixed: boolean;
  /** Only go-micro's peers understand it: gRPC's library for JavaScript can say no other content type than protobuf's. */
  readonly json: boolean;
}

const PREFIX_BYTES = 5;
const PROTO = { named: 'application/grpc+proto', served: 'application/protobuf', prefixed: false, json: false };
const JSON_ = { named: 'application/grpc+json', served: 'application/json', prefixed: false, json: true };
const BYTES = { named: 'application/grpc+bytes', served: 'application/octet-stream', prefixed: false, json: false };

const PAYLOADS: ReadonlyMap<string, Payload> = new Map<string, Payload>([
  ['application/protobuf', PROTO],
  ['application/proto', PROTO],
  ['application/octet-stream', PROTO],
  ['application/grpc', { ...PROTO, prefixed: true }],
  ['application/grpc+proto', { ...PROTO, prefixed: true }],
  ['application/json', JSON_],
  ['application/grpc+json', { ...JSON_, prefixed: true }],
  ['application/grpc+bytes', BYTES],
]);

/** What a caller's content type is on the wire; `undefined` for one that gRPC does not carry. */
export function payloadOf(contentType: string): Payload | undefined {
  return PAYLOADS.get(contentType);
}

/** The content type that a call is served with, by what its caller says; protobuf unless it says otherwise. */
export function servedType(named: string | undefined): string {
  return PAYLOADS.get(named ?? '')?.served ?? PROTO.served;
}

/** The bare message in a body. */
export function bare(body: Uint8Array, { prefixed }: Payload): Uint8Array {
  return prefixed ? body.subarray(PREFIX_BYTES) : body;
}

/** The body for a bare message. */
export function dressed(bytes: Uint8Array, { prefixed }: Payload): Uint8Array {
  if (!prefixed) return bytes;
  const body = Buffer.allocUnsafe(PREFIX_BYTES + bytes.length);
  body.writeUInt8(0, 0);
  body.writeUInt32BE(bytes.length, 1);
  body.set(bytes, PREFIX_BYTES);
  return body;
}

/** A content type that the server at the other end would take for something else. */
export function notCarried(contentType: string, address: string): MicroError {
  const detail = `gRPC carries protobuf to ${address}, not ${contentType.slice(0, 100)}: call with contentType application/protobuf`;
  return new MicroError({ id: 'go.micro.client', code: CODE.unsupportedMediaType, detail, unexecuted: true });
}
