import { Metadata } from '@grpc/grpc-js';
import { CODE, HEADER, type Header, type Message, MicroError } from '@micro/core';
import { canonicalHeaderName, isReservedHeader, now } from '@micro/core/plugin';

/*
 * Metadata both ways, as go-micro's gRPC client and server pass it: lower case on gRPC's side, canonical on ours, several
 * values of one name joined by `, `. What belongs to a hop or to either protocol stays where it is.
 */

/** go-micro's own: how long the caller waits, in decimal nanoseconds, and what the message is written in. */
const TIMEOUT = 'timeout';
const GRPC_TIMEOUT = 'grpc-timeout';
const CONTENT_TYPE = 'x-content-type';
/** Names that end so carry bytes; on our side they are base64 text. */
const BINARY = '-bin';

/** What the metadata of a call says. */
export interface CallMetadata {
  readonly fields: Record<string, string>;
  /** How long go-micro's caller waits, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** What go-micro's caller says that the messages are written in. */
  readonly contentType: string | undefined;
}

/** Reads what came with a call. */
export function readMetadata(metadata: Metadata): CallMetadata {
  const fields: Record<string, string> = Object.create(null);
  for (const [name, values] of Object.entries(metadata.toJSON())) {
    const canonical = canonicalHeaderName(name);
    if (isOfProtocol(canonical)) continue;
    fields[canonical] = values
      .map((value) => (typeof value === 'string' ? value : Buffer.from(value).toString('base64')))
      .join(', ');
  }
  return { fields, timeoutMs: nanoseconds(first(metadata, TIMEOUT)), contentType: first(metadata, CONTENT_TYPE) };
}

/** The metadata of a call that begins with this message. Throws 400 for a value that gRPC cannot carry. */
export function writeMetadata({ header, extra }: Message, contentType: string, deadline: number): Metadata {
  const metadata = new Metadata();
  // Written here and not left to the library, which would keep a timer for each call beside ours.
  if (deadline !== Number.POSITIVE_INFINITY) metadata.set(GRPC_TIMEOUT, timeoutText(deadline - now()));
  for (const fields of extra === undefined ? [header] : [header, extra]) addFields(metadata, fields);
  const timeout = extra?.[HEADER.TIMEOUT] ?? header[HEADER.TIMEOUT];
  if (timeout !== undefined) metadata.set(TIMEOUT, timeout);
  metadata.set(CONTENT_TYPE, contentType);
  return metadata;
}

function addFields(metadata: Metadata, fields: Header): void {
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (value === undefined || isOfProtocol(canonicalHeaderName(name))) continue;
    const lower = name.toLowerCase();
    try {
      if (lower.endsWith(BINARY)) metadata.set(lower, Buffer.from(value, 'base64'));
      else metadata.set(lower, value);
    } catch (cause) {
      throw new MicroError({
        id: 'go.micro.client',
        code: CODE.badRequest,
        detail: `metadata ${JSON.stringify(name.slice(0, 80))} has a value that gRPC cannot carry: give ASCII text, or base64 under a name that ends in ${BINARY}`,
        cause,
        unexecuted: true,
      });
    }
  }
}

function isOfProtocol(canonical: string): boolean {
  return (
    canonical.startsWith('Grpc-') ||
    canonical.startsWith(':') ||
    canonical === 'X-Content-Type' ||
    isReservedHeader(canonical)
  );
}

/** At most eight digits and a unit, as gRPC wants it. */
function timeoutText(ms: number): string {
  const whole = Math.max(0, Math.ceil(ms));
  return whole < 1e8 ? `${whole}m` : `${Math.min(Math.ceil(whole / 1_000), 99_999_999)}S`;
}

function first(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name);
  return typeof value === 'string' ? value : undefined;
}

function nanoseconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,19}$/.test(text) ? Number(text) / 1e6 : undefined;
}
