import type { Codec } from '../contract/codec.ts';
import type { Endpoint } from '../contract/definition.ts';
import type { Header } from '../contract/message.ts';
import { type LegacyRoute, legacyContentType, legacyRoute } from '../rpc/legacy-route.ts';
import { requestHeader } from '../rpc/wire.ts';

/** An endpoint of a service, with all that can be prepared for calling it. */
export interface Target {
  readonly service: string;
  readonly endpoint: Endpoint;
  readonly contentType: string;
  readonly codec: Codec;
  /**
   * The fields that calls with this timeout have in common; the same object each time, so that transports know it.
   * `untimed` for none, and for one timeout too many: such a call says the time it has beside them.
   */
  header(timeoutMs: number | undefined): Header;
  /** The fields that say nothing about a timeout. */
  readonly untimed: Header;
  /** How to call a node that does not say which protocol it speaks; `undefined` where that makes no difference. */
  readonly legacy: LegacyTarget | undefined;
}

/** What differs towards an old node: the envelope, and the codec of what is inside. */
export interface LegacyTarget {
  readonly contentType: string;
  readonly route: LegacyRoute;
  readonly codec: Codec;
}

/** Timeouts that one endpoint is called with, of which the fields are kept. A connection remembers only so many. */
const MOST_TIMEOUTS = 8;

/** Prepares an endpoint for being called. */
export function createTarget(
  service: string,
  endpoint: Endpoint,
  contentType: string,
  codec: Codec,
  codecs: (contentType: string) => Codec | undefined,
): Target {
  const untimed = requestHeader(service, endpoint.name, contentType);
  const headers = new Map<number | undefined, Header>([[undefined, untimed]]);
  return {
    service,
    endpoint,
    contentType,
    codec,
    untimed,
    legacy: legacyTarget(contentType, codec, codecs),
    header(timeoutMs) {
      const known = headers.get(timeoutMs);
      if (known !== undefined) return known;
      if (headers.size > MOST_TIMEOUTS) return untimed;
      const header = requestHeader(service, endpoint.name, contentType, timeoutMs);
      headers.set(timeoutMs, header);
      return header;
    },
  };
}

function legacyTarget(
  contentType: string,
  codec: Codec,
  codecs: (contentType: string) => Codec | undefined,
): LegacyTarget | undefined {
  const legacyType = legacyContentType(contentType);
  const route = legacyRoute(legacyType, true);
  return route && { contentType: legacyType, route, codec: codecs(route.contentType) ?? codec };
}
