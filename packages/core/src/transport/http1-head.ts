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
  readonly text: string;
  /** The name as it stood there, with its colon. */
  readonly prefix: string;
  readonly name: string;
  value: string;
  readonly kind: Kind;
  /** It is known to change from one head to the next. */
  readonly changes: boolean;
}

/** Lines that have not changed lately, up to one that does. */
interface Run {
  /** All of them, with their CRLF, and the first line of the head in the first run. */
  readonly text: string;
  /** Those among them that mean something to the framing. */
  readonly framing: readonly Line[];
  /** The line after them. */
  readonly next: Line | undefined;
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

const PLAIN = /^[\t\x20-\x7e]*$/;
const UNPRINTABLE = /[^\t\x20-\x7e\x80-\xff]/;
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;
const VERSION = /^HTTP\/([0-9])\.([0-9])$/;
const STATUS_LINE = /^HTTP\/1\.([0-9]) ([0-9]{3})(?: (.*))?$/;
const DIGITS = /^[0-9]{1,15}$/;

/**
 * Reads the heads of one connection, one after the other; what a head said stands in its fields until the next one.
 * Nearly everything in a connection's heads stands in the head before, in the same place, so what is known not to change
 * is compared and not read; and a head whose fields are all the same gives the very same header object, by which whoever
 * reads messages may recognise what it has read before. A private class: it is on the path of every call.
 */
export class Http1Head {
  readonly #role: Http1Role;
  readonly #maxFields: number;
  /** The head before, where it is remembered: all its lines, and the same lines as runs. */
  #lines: Line[] = [];
  #runs: Run[] = [];
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

  /**
   * Reads a whole head. `text` is latin1 and may go on behind the head; `end` is where the CRLF of the last line ends,
   * without the empty line after it.
   */
  read(text: string, end: number): Refusal | undefined {
    if (this.#runs.length > 0 && this.#readRuns(text, end)) return this.#checkFraming();
    return this.#readLines(text, end);
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

  #reset(): void {
    this.id = undefined;
    this.stream = undefined;
    this.oldStream = false;
    this.close = false;
    this.keepAlive = false;
    this.expectsContinue = false;
    this.length = -1;
    this.chunked = false;
  }

  /** Reads a head that differs from the one before only where that is known to change. Whether it is such a head. */
  #readRuns(text: string, end: number): boolean {
    this.#reset();
    let at = 0;
    for (const { text: known, framing, next } of this.#runs) {
      // Faster than startsWith(), which compares one character at a time.
      if (text.slice(at, at + known.length) !== known) return false;
      at += known.length;
      for (const line of framing) if (this.#apply(line.kind, line.value) !== undefined) return false;
      if (next === undefined) continue;
      if (text.slice(at, at + next.prefix.length) !== next.prefix) return false;
      const eol = text.indexOf('\r\n', at);
      const value = valueBetween(text, at + next.prefix.length, eol);
      if (value === undefined) return false;
      at = eol + 2;
      if (next.kind !== KIND.plain) {
        if (this.#apply(next.kind, value) !== undefined) return false;
      } else if (value !== next.value) {
        next.value = value;
        this.#header = undefined;
      }
    }
    if (at !== end) return false;
    this.#header ??= headerOf(this.#lines);
    this.header = this.#header;
    return true;
  }

  #readLines(given: string, end: number): Refusal | undefined {
    // What is remembered refers to the text, so that has to be a small one of its own.
    const remember = end <= REMEMBERED_CHARS;
    const text = remember ? Buffer.from(given.slice(0, end), 'latin1').toString('latin1') : given;
    const before = this.#lines;
    const headerBefore = this.#header;
    this.#forget();
    this.#reset();
    const endOfFirst = text.indexOf('\r\n');
    const refusal = this.readFirst(text.slice(0, endOfFirst));
    if (refusal !== undefined) return refusal;

    const lines: Line[] = [];
    for (let at = endOfFirst + 2; at < end; ) {
      if (lines.length >= this.#maxFields) {
        return { status: 431, why: `the message has more than ${this.#maxFields} header fields` };
      }
      const line = readLine(text, at, before[lines.length]);
      if ('why' in line) return line;
      const refused = this.#apply(line.kind, line.value);
      if (refused !== undefined) return refused;
      lines.push(line);
      at += line.text.length;
    }
    const header = headerBefore !== undefined && sameFields(before, lines) ? headerBefore : headerOf(lines);
    this.header = header;
    if (remember && lines.length <= REMEMBERED_LINES) {
      this.#lines = lines;
      this.#runs = runsOf(text.slice(0, endOfFirst + 2), lines);
      this.#header = header;
    }
    return this.#checkFraming();
  }

  #checkFraming(): Refusal | undefined {
    if (!this.chunked) return undefined;
    if (this.length !== -1) return { status: 400, why: 'the message has both Content-Length and Transfer-Encoding' };
    return this.old ? { status: 400, why: 'HTTP/1.0 has no Transfer-Encoding' } : undefined;
  }

  #apply(kind: Kind, value: string): Refusal | undefined {
    switch (kind) {
      case KIND.id:
        this.id ??= value;
        return undefined;
      case KIND.stream:
        this.stream ??= value;
        return undefined;
      case KIND.oldStream:
        this.oldStream = true;
        return undefined;
      case KIND.length:
        if (this.length !== -1) return { status: 400, why: 'the message has more than one Content-Length' };
        if (!DIGITS.test(value)) return { status: 400, why: 'the Content-Length is not a decimal number' };
        this.length = Number(value);
        return undefined;
      case KIND.encoding:
        if (this.chunked) return { status: 400, why: 'the message has more than one Transfer-Encoding' };
        if (value.toLowerCase() !== 'chunked') {
          return { status: 501, why: `the transfer encoding ${JSON.stringify(value)} is not known here` };
        }
        this.chunked = true;
        return undefined;
      case KIND.connection:
        for (const option of value.toLowerCase().split(',')) {
          if (option.trim() === 'close') this.close = true;
          else if (option.trim() === 'keep-alive') this.keepAlive = true;
        }
        return undefined;
      case KIND.expect:
        this.expectsContinue = value.toLowerCase() === '100-continue';
        return undefined;
      default:
        return undefined;
    }
  }

  #forget(): void {
    this.#lines = [];
    this.#runs = [];
    this.#header = undefined;
  }
}

/** Reads the line that begins at `at`; `before` is the line that stood in its place in the head before. */
function readLine(text: string, at: number, before: Line | undefined): Line | Refusal {
  const end = text.indexOf('\r\n', at);
  const first = text.charCodeAt(at);
  if (first === SPACE || first === TAB) return { status: 400, why: 'a header field is folded over several lines' };
  let colon = at;
  let name = '';
  let kind: Kind = KIND.dropped;
  // Older Go toolchains write the pseudo fields of HTTP/2 (`:path: /`) as lines; they carry nothing.
  if (first !== COLON) {
    colon = text.indexOf(':', at);
    if (colon === -1 || colon > end) return { status: 400, why: 'a header line has no colon' };
    const raw = text.slice(at, colon);
    if (!isHeaderName(raw)) return { status: 400, why: 'the name of a header field holds a character it may not' };
    name = canonicalHeaderName(raw);
    kind = KINDS.get(name) ?? KIND.plain;
  }
  const value = valueBetween(text, colon + 1, end);
  if (value === undefined) return { status: 400, why: 'a header field holds a control character' };
  const whole = text.slice(at, end + 2);
  const changes = name !== '' && before?.name === name && (before.changes || before.text !== whole);
  return { text: whole, prefix: text.slice(at, colon + 1), name, value, kind, changes };
}

/** A value without the blanks around it; `undefined` when it holds what may not stand in one. */
function valueBetween(text: string, start: number, end: number): string | undefined {
  let from = start;
  let to = end;
  // Not trim(): that takes 0xa0 for a blank, which here may be half of a character.
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  const value = text.slice(from, to);
  if (PLAIN.test(value)) return value;
  return UNPRINTABLE.test(value) ? undefined : Buffer.from(value, 'latin1').toString('utf8');
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** The fields to hand up; of a repeated one the first counts, as in Go. */
function headerOf(lines: readonly Line[]): Header {
  const header: Record<string, string> = Object.create(null);
  for (const { kind, name, value } of lines) {
    if (kind === KIND.plain && header[name] === undefined) header[name] = value;
  }
  return header;
}

/** Whether two heads have the same fields to hand up, in the same order. */
function sameFields(before: readonly Line[], after: readonly Line[]): boolean {
  const one = before.filter((line) => line.kind === KIND.plain);
  const other = after.filter((line) => line.kind === KIND.plain);
  return (
    one.length === other.length &&
    one.every(({ name, value }, i) => name === other[i]?.name && value === other[i]?.value)
  );
}

function runsOf(firstLine: string, lines: readonly Line[]): Run[] {
  const runs: Run[] = [];
  let text = firstLine;
  let framing: Line[] = [];
  for (const line of lines) {
    if (line.changes) {
      runs.push({ text, framing, next: line });
      text = '';
      framing = [];
    } else {
      text += line.text;
      if (line.kind !== KIND.plain && line.kind !== KIND.dropped) framing.push(line);
    }
  }
  runs.push({ text, framing, next: undefined });
  return runs;
}
