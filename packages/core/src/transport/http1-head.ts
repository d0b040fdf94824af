import { HEADER, OLD_PREFIX } from '../contract/header.ts';
import type { Header } from '../contract/message.ts';
import { canonicalHeaderName, isHeaderName } from '../util/header-name.ts';

/** Why a message is refused: the HTTP status that says so, and a sentence. */
export interface Refusal {
  readonly status: number;
  readonly why: string;
}

/** Which side of HTTP/1.1 is read. */
export type Http1Role = 'request' | 'response';

/** What the name of a field means to the framing. */
const KIND = {
  plain: 0,
  dropped: 1,
  id: 2,
  stream: 3,
  oldStream: 4,
  length: 5,
  encoding: 6,
  connection: 7,
  expect: 8,
} as const;
type Kind = (typeof KIND)[keyof typeof KIND];

/**
 * The fields that are not handed up: they belong to the framing, to one hop, or only tell exchanges apart. go-micro hands
 * some of them to its handlers; nothing there reads them, and a handler that calls on would forward them.
 */
const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  [HEADER.ID, KIND.id],
  [OLD_PREFIX + HEADER.ID, KIND.dropped],
  [HEADER.STREAM, KIND.stream],
  [OLD_PREFIX + HEADER.STREAM, KIND.oldStream],
  ['Content-Length', KIND.length],
  ['Transfer-Encoding', KIND.encoding],
  ['Connection', KIND.connection],
  ['Expect', KIND.expect],
  ['Host', KIND.dropped],
  ['Keep-Alive', KIND.dropped],
  ['Proxy-Authenticate', KIND.dropped],
  ['Proxy-Authorization', KIND.dropped],
  ['Proxy-Connection', KIND.dropped],
  ['Te', KIND.dropped],
  ['Trailer', KIND.dropped],
  ['Upgrade', KIND.dropped],
]);

/** One line of a head, as it stood there and as it was understood. */
interface Line {
  /** With its CRLF: a later head that has the same text in the same place needs no reading. */
  readonly text: string;
  /** With its colon. */
  readonly prefix: string;
  readonly name: string;
  readonly value: string;
  readonly kind: Kind;
  /** The value of `Content-Length`; -1 in any other line. */
  readonly length: number;
}

const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;
/** Longer methods exist nowhere; what has none within so many bytes is not HTTP. */
export const LONGEST_METHOD = 24;
/** Heads up to this size and number of lines are remembered; a connection that was hostile once must not hold much. */
const REMEMBERED_CHARS = 2_048;
const REMEMBERED_LINES = 32;

const NOTHING: Header = Object.freeze(Object.create(null));

/** Whether text (latin1, or any) holds something that may not stand in a field's value. */
const UNPRINTABLE = /[^\t\x20-\x7e\x80-\xff]/;
const NOT_ASCII = /[\x80-\xff]/;
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;
const VERSION = /^HTTP\/([0-9])\.([0-9])$/;
const STATUS_LINE = /^HTTP\/1\.([0-9]) ([0-9]{3})(?: (.*))?$/;
const DIGITS = /^[0-9]{1,15}$/;

/**
 * Reads the heads of one connection, one after the other; what a head said stands in its fields until the next one.
 * Nearly all lines of a connection's heads are those of the head before it, in the same place, so a line is compared with
 * its predecessor before it is read; and a head whose fields are all the same gives the very same header object, by which
 * whoever reads messages may recognise what it has read before. A private class: it is on the path of every call.
 */
export class Http1Head {
  readonly #role: Http1Role;
  readonly #maxFields: number;
  #firstLine = '';
  #lines: Line[] = [];
  #header: Header | undefined;

  /** Of a request. */
  method = '';
  /** Of a request: the path. */
  target = '';
  /** Of a response. */
  status = 0;
  /** Of a response: the text behind the status. */
  reason = '';
  /** The version is HTTP/1.0, not 1.1. */
  old = false;
  /** All fields but those that belong to the framing, to one hop, or tell exchanges apart. */
  header: Header = NOTHING;
  /** `Micro-Id`. */
  id: string | undefined;
  /** `Micro-Stream`. */
  stream: string | undefined;
  /** The older name of `Micro-Stream` is there; go-micro reads it as a mark and not as an id. */
  oldStream = false;
  /** `Connection` has the option `close`. */
  close = false;
  /** `Connection` has the option `keep-alive`. */
  keepAlive = false;
  /** `Expect: 100-continue`. */
  expectsContinue = false;
  /** `Content-Length`; -1 when there is none. */
  length = -1;
  chunked = false;

  constructor(role: Http1Role, maxFields: number) {
    this.#role = role;
    this.#maxFields = maxFields;
  }

  /** Reads a whole head: latin1 text with the CRLF of its last line and without the empty line after it. */
  read(text: string): Refusal | undefined {
    let at = this.#firstLine.length;
    if (at === 0 || !text.startsWith(this.#firstLine)) {
      const end = text.indexOf('\r\n');
      const refusal = this.readFirst(text.slice(0, end));
      if (refusal !== undefined) return refusal;
      at = end + 2;
      this.#firstLine = at <= REMEMBERED_CHARS ? text.slice(0, at) : '';
    }
    return this.#readFields(text, at);
  }

  /** Reads the first line, without its CRLF. */
  readFirst(line: string): Refusal | undefined {
    return this.#role === 'request' ? this.#readRequestLine(line) : this.#readStatusLine(line);
  }

  #readRequestLine(line: string): Refusal | undefined {
    const first = line.indexOf(' ');
    const last = line.lastIndexOf(' ');
    const method = line.slice(0, Math.max(first, 0));
    const target = line.slice(first + 1, Math.max(last, 0));
    const version = VERSION.exec(line.slice(last + 1));
    if (version === null || method.length >= LONGEST_METHOD || !isHeaderName(method) || !TARGET.test(target)) {
      return { status: 400, why: 'the first line is not that of an HTTP/1.1 request' };
    }
    if (version[1] !== '1') return { status: 505, why: `HTTP/${version[1]}.${version[2]} is not spoken here` };
    this.method = method;
    this.target = target;
    this.old = version[2] === '0';
    return undefined;
  }

  #readStatusLine(line: string): Refusal | undefined {
    const match = STATUS_LINE.exec(line);
    if (match === null || UNPRINTABLE.test(line)) {
      return { status: 400, why: 'the first line is not that of an HTTP/1.1 response' };
    }
    this.old = match[1] === '0';
    this.status = Number(match[2]);
    this.reason = match[3] ?? '';
    return undefined;
  }

  #readFields(text: string, from: number): Refusal | undefined {
    this.id = undefined;
    this.stream = undefined;
    this.oldStream = false;
    this.close = false;
    this.keepAlive = false;
    this.expectsContinue = false;
    this.length = -1;
    this.chunked = false;

    const lines = this.#lines;
    let count = 0;
    let at = from;
    let same = this.#header !== undefined;
    while (at < text.length) {
      if (count >= this.#maxFields) {
        return this.#refuse(431, `the message has more than ${this.#maxFields} header fields`);
      }
      let line = lines[count];
      if (line === undefined || !text.startsWith(line.text, at)) {
        const read = readLine(text, at, line);
        if ('why' in read) return this.#refuse(read.status, read.why);
        if (read.kind === KIND.plain || line === undefined || line.kind === KIND.plain) same = false;
        lines[count] = read;
        line = read;
      }
      if (line.kind !== KIND.plain) {
        const refusal = this.#apply(line);
        if (refusal !== undefined) return this.#refuse(refusal.status, refusal.why);
      }
      at += line.text.length;
      count++;
    }
    if (this.chunked && this.length !== -1) {
      return this.#refuse(400, 'the message has both Content-Length and Transfer-Encoding');
    }
    if (this.chunked && this.old) return this.#refuse(400, 'HTTP/1.0 has no Transfer-Encoding');
    if (count < lines.length) {
      same = false;
      lines.length = count;
    }
    this.header = same && this.#header !== undefined ? this.#header : headerOf(lines);
    if (text.length > REMEMBERED_CHARS || count > REMEMBERED_LINES) this.#forget();
    else this.#header = this.header;
    return undefined;
  }

  #apply(line: Line): Refusal | undefined {
    switch (line.kind) {
      case KIND.id:
        this.id ??= line.value;
        return undefined;
      case KIND.stream:
        this.stream ??= line.value;
        return undefined;
      case KIND.oldStream:
        this.oldStream = true;
        return undefined;
      case KIND.length:
        if (this.length !== -1) return { status: 400, why: 'the message has more than one Content-Length' };
        this.length = line.length;
        return undefined;
      case KIND.encoding:
        if (this.chunked) return { status: 400, why: 'the message has more than one Transfer-Encoding' };
        if (line.value.toLowerCase() !== 'chunked') {
          return { status: 501, why: `the transfer encoding ${JSON.stringify(line.value)} is not known here` };
        }
        this.chunked = true;
        return undefined;
      case KIND.connection:
        for (const option of line.value.toLowerCase().split(',')) {
          if (option.trim() === 'close') this.close = true;
          else if (option.trim() === 'keep-alive') this.keepAlive = true;
        }
        return undefined;
      case KIND.expect:
        this.expectsContinue = line.value.toLowerCase() === '100-continue';
        return undefined;
      default:
        return undefined;
    }
  }

  #refuse(status: number, why: string): Refusal {
    this.#forget();
    return { status, why };
  }

  #forget(): void {
    this.#firstLine = '';
    this.#lines = [];
    this.#header = undefined;
  }
}

/** Reads the line that begins at `at`; `before` is the line that stood in its place in the head before. */
function readLine(text: string, at: number, before: Line | undefined): Line | Refusal {
  const end = text.indexOf('\r\n', at);
  const first = text.charCodeAt(at);
  if (first === SPACE || first === TAB) return { status: 400, why: 'a header field is folded over several lines' };
  if (before !== undefined && before.name !== '' && text.startsWith(before.prefix, at)) {
    return lineOf(text, at, end, before.prefix, before.name, before.kind);
  }
  // Older Go toolchains write the pseudo fields of HTTP/2 (`:path: /`) as lines; they carry nothing.
  if (first === COLON) return lineOf(text, at, end, ':', '', KIND.dropped);
  const colon = text.indexOf(':', at);
  if (colon === -1 || colon > end) return { status: 400, why: 'a header line has no colon' };
  const rawName = text.slice(at, colon);
  if (!isHeaderName(rawName)) return { status: 400, why: 'the name of a header field holds a character it may not' };
  const name = canonicalHeaderName(rawName);
  return lineOf(text, at, end, text.slice(at, colon + 1), name, KINDS.get(name) ?? KIND.plain);
}

function lineOf(text: string, at: number, end: number, prefix: string, name: string, kind: Kind): Line | Refusal {
  let from = at + prefix.length;
  let to = end;
  // Not trim(): that takes 0xa0 for a blank, which here may be half of a character.
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  let value = text.slice(from, to);
  if (UNPRINTABLE.test(value)) return { status: 400, why: 'a header field holds a control character' };
  if (NOT_ASCII.test(value)) value = Buffer.from(value, 'latin1').toString('utf8');
  const length = kind === KIND.length ? lengthOf(value) : -1;
  if (kind === KIND.length && length === -1) return { status: 400, why: 'the Content-Length is not a decimal number' };
  return { text: text.slice(at, end + 2), prefix, name, value, kind, length };
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

function lengthOf(value: string): number {
  return DIGITS.test(value) ? Number(value) : -1;
}

/** The fields to hand up; of a repeated one the first counts, as in Go. */
function headerOf(lines: readonly Line[]): Header {
  const header: Record<string, string> = Object.create(null);
  for (const { kind, name, value } of lines) {
    if (kind === KIND.plain && header[name] === undefined) header[name] = value;
  }
  return header;
}
