import type { Codec } from '../contract/codec.ts';
import type { Endpoint } from '../contract/definition.ts';
import type { Header } from '../contract/message.ts';
import { requestHeader } from '../rpc/wire.ts';

/** An endpoint of a service, with all that can be prepared for calling it. */
export interface Target {
  readonly service: string;
  readonly endpoint: Endpoint;
  readonly contentType: string;
  readonly codec: Codec;
  /** The fields that calls with this timeout have in common; the same object each time, so that transports know it. */
  header(timeoutMs: number | undefined): Header;
}

/** Timeouts that one endpoint is called with, of which the fields are kept. Others get fields of their own each time. */
const MOST_TIMEOUTS = 8;

/** Prepares an endpoint for being called. */
export function createTarget(service: string, endpoint: Endpoint, contentType: string, codec: Codec): Target {
  const headers = new Map<number | undefined, Header>();
  return {
    service,
    endpoint,
    contentType,
    codec,
    header(timeoutMs) {
      let header = headers.get(timeoutMs);
      if (header === undefined) {
        header = requestHeader(service, endpoint.name, contentType, timeoutMs);
        if (headers.size < MOST_TIMEOUTS) headers.set(timeoutMs, header);
      }
      return header;
    },
  };
}
