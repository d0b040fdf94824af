import { HEADER, OLD_PREFIX } from '../contract/header.ts';
import type { Header, Message } from '../contract/message.ts';
import type { Metadata } from '../contract/metadata.ts';
import { CODE, REFUSED } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { headerFrom } from '../util/metadata.ts';

/**
 * go-micro's protocol, both directions beside each other: what a call, an answer and an error look like as a `Message`.
 * Framing, correlation and the end of a stream belong to the transport below; values belong to the codecs.
 */

const NANOSECONDS = 1_000_000n;
const NO_BODY = new Uint8Array(0);
/** A longer detail would cost the whole error: headers are limited. */
const LONGEST_DETAIL = 4_096;
/** The same for an error's id and status. */
const LONGEST_NAME = 256;

// A request ---------------------------------------------------------------------------------------------------------

/** What the fields of a request say, apart from its metadata. */
export interface RequestHead {
  /** The service that the caller meant. Informational, as in go-micro: the endpoint alone selects the handler. */
  readonly service: string;
  /** `Handler.Method`, or `''` when an envelope in the body names it. */
  readonly endpoint: string;
  readonly contentType: string;
  /** How long the caller waits, in milliseconds; `undefined` when it does not say. */
  readonly timeoutMs: number | undefined;
  /** The body is wrapped in a legacy envelope unless the content type has none (go-micro's rule for old clients). */
  readonly legacy: boolean;
  /** The topic, when the message is an event and no call. */
  readonly topic: string | undefined;
}

/**
 * The fields that all requests to an endpoint have in common. Made once per endpoint and timeout, and frozen: a transport
 * recognises it and sends it once per connection.
 */
export function requestHeader(service: string, endpoint: string, contentType: string, timeoutMs?: number): Header {
  const header: Record<string, string> = Object.create(null);
  header[HEADER.SERVICE] = checked(HEADER.SERVICE, service);
  header[HEADER.METHOD] = checked(HEADER.METHOD, endpoint);
  header[HEADER.ENDPOINT] = endpoint;
  header[HEADER.CONTENT_TYPE] = checked(HEADER.CONTENT_TYPE, contentType);
  header[HEADER.ACCEPT] = contentType;
  if (timeoutMs !== undefined) header[HEADER.TIMEOUT] = nanoseconds(timeoutMs);
  return Object.freeze(header);
}

/** The fields of one request alone: metadata, and the time that is left where it is not the endpoint's usual one. */
export function requestExtra(metadata: Metadata | undefined, timeLeftMs: number | undefined): Header | undefined {
  const extra = metadata === undefined ? undefined : headerFrom(metadata);
  if (timeLeftMs === undefined) return extra;
  const fields: Record<string, string> = extra ?? Object.create(null);
  fields[HEADER.TIMEOUT] = nanoseconds(timeLeftMs);
  return fields;
}

/** Reads what the fields of a request say. go-micro's older `X-Micro-` names stand in for the plain ones. */
export function readRequest(header: Header): RequestHead {
  const read = (name: string): string => header[name] || header[OLD_PREFIX + name] || '';
  const service = read(HEADER.SERVICE);
  const method = read(HEADER.METHOD);
  const endpoint = read(HEADER.ENDPOINT) || method;
  const nothingNamed = service === '' && endpoint === '';
  return {
    service,
    endpoint,
    // go-micro's server takes a request without a content type for protobuf.
    contentType: header[HEADER.CONTENT_TYPE] || 'application/protobuf',
    timeoutMs: readTimeout(header[HEADER.TIMEOUT]),
    legacy: read(HEADER.PROTOCOL) === '' && (nothingNamed || read(HEADER.TARGET) !== ''),
    topic: read(HEADER.TOPIC) || undefined,
  };
}

/** Milliseconds from decimal nanoseconds; what is no such number says nothing, as in go-micro. */
export function readTimeout(value: string | undefined): number | undefined {
  if (value === undefined || !/^\d{1,19}$/.test(value)) return undefined;
  return Number(value) / 1e6;
}

function nanoseconds(ms: number): string {
  return String(BigInt(Math.max(0, Math.round(ms))) * NANOSECONDS);
}

// An answer ---------------------------------------------------------------------------------------------------------

/** The fields that all answers of a content type have in common; made once and frozen, as those of requests. */
export function replyHeader(contentType: string): Header {
  const header: Record<string, string> = Object.create(null);
  header[HEADER.CONTENT_TYPE] = checked(HEADER.CONTENT_TYPE, contentType);
  return Object.freeze(header);
}

/** Whether a message that a server sent is an error; throws it. */
export function throwIfError(message: Message): void {
  const text = message.extra?.[HEADER.ERROR] ?? message.header[HEADER.ERROR];
  if (text !== undefined && text !== '') throw parseError(text);
  const { header } = message;
  if (header[HEADER.CONTENT_TYPE] === 'text/plain') {
    // What go-micro answers, with status 200 and no error field, to a content type that it does not know.
    const body = Buffer.from(
      message.body.buffer,
      message.body.byteOffset,
      Math.min(message.body.length, 512),
    ).toString();
    throw new MicroError({ id: 'go.micro.client', code: CODE.unsupportedMediaType, detail: body });
  }
}

// An error ----------------------------------------------------------------------------------------------------------

/** An error as the last message of an exchange. Its `Micro-Error` is go-micro's JSON. */
export function errorMessage(error: MicroError, header: Header): Message {
  const extra: Record<string, string> = Object.create(null);
  const { id, code, detail, status } = error.toJSON();
  extra[HEADER.ERROR] = JSON.stringify({
    id: shortened(id, LONGEST_NAME),
    code,
    detail: shortened(detail, LONGEST_DETAIL),
    status: shortened(status, LONGEST_NAME),
  });
  return { header, extra, body: NO_BODY };
}

/** Reads the text of `Micro-Error`: go-micro's JSON, or plain text, which becomes the detail of an error without a code. */
export function parseError(text: string): MicroError {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return new MicroError({ code: 0, detail: text, status: '' });
  }
  const fields: { id?: unknown; code?: unknown; detail?: unknown; status?: unknown } = parsed;
  const id = typeof fields.id === 'string' ? fields.id : '';
  return new MicroError({
    id,
    code: typeof fields.code === 'number' ? fields.code : 0,
    detail: typeof fields.detail === 'string' ? fields.detail : '',
    status: typeof fields.status === 'string' ? fields.status : '',
    unexecuted: id === REFUSED,
  });
}

/** The message that opens a stream; go-micro ignores its body. */
export function openMessage(header: Header, extra: Header | undefined): Message {
  return { header, extra, body: NO_BODY };
}

function shortened(text: string | undefined, length: number): string | undefined {
  return text === undefined || text.length <= length ? text : `${text.slice(0, length)}…`;
}

/** Text that may stand in a header field. */
function checked(name: string, value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\0-\x1f\x7f]/.test(value)) {
    throw new MicroError({
      code: CODE.badRequest,
      detail: `${name} ${JSON.stringify(value.slice(0, 80))} holds a control character`,
    });
  }
  return value;
}
