import { HEADER, type Header, type Message } from '@micro/core';
import { canonicalHeaderName } from '@micro/core/plugin';
import type { GrpcLimits } from './grpc-options.ts';
import { headerTooLarge, malformed, tooLarge } from './refusal.ts';

/*
 * The bytes of `go.micro.transport.grpc.Message`: `map<string, string> header = 1; bytes body = 2`. Written by hand, since
 * they are on the path of every call: the fields that the messages of a method have in common are written out once, and
 * recognised by their bytes when they come again.
 */

/** A message that arrived, and what its fields say about the exchange that it belongs to. */
export interface ReceivedMessage {
  readonly message: Message;
  /** `Micro-Id`. */
  readonly id: string | undefined;
  /** `Micro-Stream`; `Micro-Id` where only its older name says that it is a stream. */
  readonly stream: string | undefined;
}

/** Reads what arrives on one gRPC stream. Throws 400 for what is no message and 413 or 431 for one over a limit. */
export type ReadMessage = (bytes: Uint8Array) => ReceivedMessage;

const TAG_HEADER = 0x0a;
const TAG_BODY = 0x12;
const TAG_KEY = 0x0a;
const TAG_VALUE = 0x12;
/** Common fields longer than this are not worth remembering. */
const LONGEST_PREFIX = 4_096;
const NO_BODY = new Uint8Array(0);
const OLD_STREAM = `X-${HEADER.STREAM}`;

/** Written by the transport itself, or never. */
const NEVER_WRITTEN: ReadonlySet<string> = new Set([
  HEADER.ID,
  `X-${HEADER.ID}`,
  HEADER.STREAM,
  OLD_STREAM,
  HEADER.LOCAL,
  HEADER.REMOTE,
]);

/** Fields that decide what a message is. They are looked for among those that messages have in common. */
const ROUTING: ReadonlySet<string> = new Set(
  [
    HEADER.SERVICE,
    HEADER.METHOD,
    HEADER.ENDPOINT,
    HEADER.TOPIC,
    HEADER.PROTOCOL,
    HEADER.TARGET,
    HEADER.CONTENT_TYPE,
  ].flatMap((name) => [name, `X-${name}`]),
);

const written = new WeakMap<Header, Buffer>();

/**
 * Writes a message. The fields that it has in common with others come first, then the ids, then the fields of this message
 * alone, so that our own reader tells them apart; of two fields with one name the later counts, as in any protobuf map.
 */
export function writeMessage({ header, extra, body }: Message, id: string, stream: boolean): Buffer {
  let common = written.get(header);
  if (common === undefined) {
    common = fieldsOf(header);
    if (Object.isFrozen(header)) written.set(header, common);
  }
  const ids = idFields(id, stream);
  const own = extra === undefined ? undefined : fieldsOf(extra);
  const head = common.length + ids.length + (own?.length ?? 0);
  const bodyLength = body.length === 0 ? 0 : 1 + varintLength(body.length) + body.length;
  const bytes = Buffer.allocUnsafe(head + bodyLength);
  common.copy(bytes, 0);
  let at = common.length;
  at += typeof ids === 'string' ? bytes.write(ids, at, 'latin1') : ids.copy(bytes, at);
  if (own !== undefined) at += own.copy(bytes, at);
  if (body.length > 0) {
    bytes[at++] = TAG_BODY;
    at = putVarint(bytes, at, body.length);
    bytes.set(body, at);
  }
  return bytes;
}

const SIMPLE_ID = /^[ -~]{0,64}$/;

/** The fields of the ids. Ours are short ASCII, so a string will do; a peer may have sent anything. */
function idFields(id: string, stream: boolean): string | Buffer {
  if (SIMPLE_ID.test(id)) return stream ? idField(HEADER.ID, id) + idField(HEADER.STREAM, id) : idField(HEADER.ID, id);
  return stream ? Buffer.concat([fieldOf(HEADER.ID, id), fieldOf(HEADER.STREAM, id)]) : fieldOf(HEADER.ID, id);
}

function idField(name: string, id: string): string {
  const entry = `\x0a${String.fromCharCode(name.length)}${name}\x12${String.fromCharCode(id.length)}${id}`;
  return `\x0a${String.fromCharCode(entry.length)}${entry}`;
}

function fieldsOf(header: Header): Buffer {
  const parts: Buffer[] = [];
  for (const name of Object.keys(header)) {
    const value = header[name];
    if (value !== undefined && !NEVER_WRITTEN.has(name)) parts.push(fieldOf(name, value));
  }
  return Buffer.concat(parts);
}

function fieldOf(name: string, value: string): Buffer {
  const keyBytes = Buffer.byteLength(name);
  const valueBytes = Buffer.byteLength(value);
  const entry = 1 + varintLength(keyBytes) + keyBytes + 1 + varintLength(valueBytes) + valueBytes;
  const bytes = Buffer.allocUnsafe(1 + varintLength(entry) + entry);
  bytes[0] = TAG_HEADER;
  let at = putVarint(bytes, 1, entry);
  bytes[at++] = TAG_KEY;
  at = putVarint(bytes, at, keyBytes);
  at += bytes.write(name, at);
  bytes[at++] = TAG_VALUE;
  at = putVarint(bytes, at, valueBytes);
  bytes.write(value, at);
  return bytes;
}

/** Makes a reader with a memory of its own: common fields that come again are one frozen object. */
export function createMessageReader(limits: GrpcLimits): ReadMessage {
  let prefix: Buffer | undefined;
  let prefixHeader: Header = Object.freeze(Object.create(null));

  return (given) => {
    const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
    const known =
      prefix !== undefined &&
      bytes.length >= prefix.length &&
      bytes.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;
    let common: Record<string, string> = known ? prefixHeader : Object.create(null);
    let own: Record<string, string> | undefined;
    let inCommon = !known;
    let streamInCommon = false;
    let ownRoutes = false;
    let id: string | undefined;
    let stream: string | undefined;
    let oldStream = false;
    let body: Uint8Array = NO_BODY;
    let headerBytes = known && prefix !== undefined ? prefix.length : 0;
    let fields = known ? Object.keys(prefixHeader).length : 0;
    let at = known && prefix !== undefined ? prefix.length : 0;
    let commonEnd = 0;

    while (at < bytes.length) {
      const fieldStart = at;
      const tag = bytes[at] ?? 0;
      if (tag !== TAG_HEADER && tag !== TAG_BODY) {
        at = skipField(bytes, at);
        continue;
      }
      const end = lengthEnd(bytes, at + 1);
      if (tag === TAG_BODY) {
        body = bytes.subarray(end.start, end.end);
        at = end.end;
        continue;
      }
      at = end.end;
      const { key, value } = readEntry(bytes, end.start, end.end);
      fields += 1;
      headerBytes += end.end - fieldStart;
      if (headerBytes > limits.maxHeaderBytes || fields > limits.maxHeaderFields) throw headerTooLarge(limits);
      const name = canonicalHeaderName(key);
      if (name === HEADER.ID) {
        id = value;
        // What comes before it is common to the messages of a method, where we have written them: Go writes in any order.
        if (inCommon) commonEnd = fieldStart;
        inCommon = false;
      } else if (name === HEADER.STREAM) {
        stream = value === '' ? undefined : value;
        streamInCommon ||= inCommon;
      } else if (name === OLD_STREAM) {
        oldStream = value !== '';
        streamInCommon ||= inCommon;
      } else if (inCommon) {
        common[name] = value;
      } else {
        own ??= Object.create(null) as Record<string, string>;
        own[name] = value;
        ownRoutes ||= ROUTING.has(name);
      }
    }
    if (body.length > limits.maxMessageBytes) throw tooLarge(body.length, limits);

    if (ownRoutes) {
      common = Object.assign(Object.create(null), common, own);
      own = undefined;
    } else if (!known && !streamInCommon && commonEnd > 0 && commonEnd <= LONGEST_PREFIX) {
      // A copy, since the bytes are a part of what was read off the connection.
      prefix = Buffer.from(bytes.subarray(0, commonEnd));
      prefixHeader = Object.freeze(common);
    }
    const message: Message = own === undefined ? { header: common, body } : { header: common, extra: own, body };
    return { message, id, stream: stream ?? (oldStream ? (id ?? '') : undefined) };
  };
}

function readEntry(bytes: Buffer, start: number, end: number): { key: string; value: string } {
  let key = '';
  let value = '';
  let at = start;
  while (at < end) {
    const tag = bytes[at];
    if (tag !== TAG_KEY && tag !== TAG_VALUE) {
      at = skipField(bytes, at);
      continue;
    }
    const part = lengthEnd(bytes, at + 1);
    const text = bytes.toString('utf8', part.start, part.end);
    if (tag === TAG_KEY) key = text;
    else value = text;
    at = part.end;
  }
  if (at > end) throw malformed('a field runs over the end of its entry');
  return { key, value };
}

/** What stands behind a length, and where it ends. */
function lengthEnd(bytes: Buffer, at: number): { start: number; end: number } {
  let length = 0;
  let shift = 1;
  for (let index = at; index < at + 5; index++) {
    const byte = bytes[index];
    if (byte === undefined) throw malformed('it ends within a length');
    length += (byte & 0x7f) * shift;
    shift *= 128;
    if (byte >= 0x80) continue;
    const start = index + 1;
    if (start + length > bytes.length) throw malformed(`a field of ${length} bytes does not fit`);
    return { start, end: start + length };
  }
  throw malformed('a length has more than five bytes');
}

/** Passes over a field that this version does not know. Returns where the next one begins. */
function skipField(bytes: Buffer, at: number): number {
  let next = at;
  let tag = 0;
  let shift = 1;
  for (;;) {
    const byte = bytes[next++];
    if (byte === undefined || next - at > 5) throw malformed('it ends within a tag');
    tag += (byte & 0x7f) * shift;
    shift *= 128;
    if (byte < 0x80) break;
  }
  if (tag < 8) throw malformed('a field has number 0');
  switch (tag & 7) {
    case 0:
      for (let count = 0; count < 10; count++) {
        const byte = bytes[next++];
        if (byte !== undefined && byte < 0x80) return next;
      }
      throw malformed('a number does not end');
    case 1:
      next += 8;
      break;
    case 2:
      next = lengthEnd(bytes, next).end;
      break;
    case 5:
      next += 4;
      break;
    default:
      throw malformed(`wire type ${tag & 7} is unknown`);
  }
  if (next > bytes.length) throw malformed('it ends within a field');
  return next;
}

function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

function putVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest >= 0x80) {
    bytes[next++] = (rest % 0x80) + 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[next++] = rest;
  return next;
}
