import { Http1Head, type Http1Role, LONGEST_METHOD } from './http1-head.ts';
import type { Limits } from './limits.ts';

/** What is told of what a parser reads. It may stop the parser from inside. */
export interface Http1Sink {
  /** A message has arrived; its head is in `parser.head` during the call. The body belongs to whoever is told. */
  message(body: Uint8Array): void;
  /** A head says that its sender waits for `100 Continue` before it sends the body. */
  expectsContinue?(): void;
  /** The peer broke the rules or a limit. Nothing is read after that. */
  refused(status: number, why: string): void;
}

const STATE = {
  head: 0,
  /** A body of a known length. */
  length: 1,
  /** A body that ends with the connection. */
  rest: 2,
  chunkSize: 3,
  chunkExtension: 4,
  chunkSizeLf: 5,
  chunkData: 6,
  chunkCr: 7,
  chunkLf: 8,
  trailerStart: 9,
  trailer: 10,
  trailerLf: 11,
  lastLf: 12,
  stopped: 13,
} as const;
type State = (typeof STATE)[keyof typeof STATE];

const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const SEMICOLON = 0x3b;
const DELETE = 0x7f;

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const NO_BYTES: Buffer = Buffer.alloc(0);
/** How much of a chunk is looked at for a head before the slow way is taken. */
const USUAL_HEAD = 4_096;
/** Empty lines before a request, which RFC 9112 (2.2) asks to ignore. */
const MOST_BLANKS = 4;
/** The characters of a chunk's size and its extensions. */
const LONGEST_CHUNK_LINE = 1_024;
const MOST_HEX_DIGITS = 12;
const FIRST_BUFFER = 4_096;
/** A small body that is cut out of a chunk of this size or more is copied, lest it keep the chunk. */
const LARGE_CHUNK = 8_192;

/**
 * Reads HTTP/1.1 messages from a connection, however its bytes are cut. Memory grows with what arrived, never with what
 * was announced, and the work is linear in the bytes. A private class: it is on the path of every call.
 */
export class Http1Parser {
  /** What the head of the current message says. */
  readonly head: Http1Head;
  readonly #sink: Http1Sink;
  readonly #role: Http1Role;
  readonly #limits: Limits;
  #state: State = STATE.head;

  /** A head that has not wholly arrived. */
  #partial = NO_BYTES;
  #partialSize = 0;
  #firstLineRead = false;
  #blanks = 0;

  #body = NO_BYTES;
  #bodySize = 0;
  /** Bytes that are missing of the body, or of the current chunk. */
  #missing = 0;
  #digits = 0;
  #lineSize = 0;
  #trailerSize = 0;
  #trailers = 0;

  /** How many messages have been read. */
  messages = 0;

  constructor(role: Http1Role, limits: Limits, sink: Http1Sink) {
    this.#role = role;
    this.#limits = limits;
    this.#sink = sink;
    this.head = new Http1Head(role, limits.maxHeaderFields);
  }

  /** Nothing of a next message has arrived. */
  get idle(): boolean {
    return this.#state === STATE.head && this.#partialSize === 0;
  }

  /** A part of a head has arrived. */
  get inHead(): boolean {
    return this.#state === STATE.head && this.#partialSize > 0;
  }

  get stopped(): boolean {
    return this.#state === STATE.stopped;
  }

  /** Reads nothing any more. */
  stop(): void {
    this.#state = STATE.stopped;
    this.#partial = NO_BYTES;
    this.#body = NO_BYTES;
  }

  /** Reads what arrived. */
  feed(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      switch (this.#state) {
        case STATE.head:
          at = this.#feedHead(chunk, at);
          break;
        case STATE.length:
          at = this.#feedLength(chunk, at);
          break;
        case STATE.rest:
          at = this.#feedRest(chunk, at);
          break;
        case STATE.chunkData:
          at = this.#feedChunkData(chunk, at);
          break;
        case STATE.stopped:
          return;
        default:
          this.#feedFraming(chunk[at] ?? 0);
          at++;
      }
    }
  }

  /** The connection has ended. A body that ends with it is complete now. Whether nothing was cut off. */
  finish(): boolean {
    if (this.#state === STATE.rest) this.#complete();
    return this.idle || this.stopped;
  }

  #refuse(status: number, why: string): void {
    this.stop();
    this.#sink.refused(status, why);
  }

  #feedHead(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#partialSize === 0) {
      if (this.#role === 'request') {
        while (this.#blanks < MOST_BLANKS && (chunk[at] === CR || chunk[at] === LF)) {
          this.#blanks++;
          at++;
        }
        if (at >= chunk.length) return at;
      }
      const text = chunk.toString('latin1', at, Math.min(at + USUAL_HEAD, chunk.length));
      const end = text.indexOf('\r\n\r\n');
      if (end !== -1 && end + 4 <= this.#limits.maxHeaderBytes) {
        this.#headArrived(text, end + 2, chunk.length - at - end - 4);
        return at + end + 4;
      }
    }
    return this.#feedPartialHead(chunk, at);
  }

  /** Gathers a head that comes in pieces, and refuses as soon as it can be no head. */
  #feedPartialHead(chunk: Buffer, at: number): number {
    const limit = this.#limits.maxHeaderBytes;
    const before = this.#partialSize;
    const taken = Math.min(chunk.length - at, limit + 1 - before);
    this.#partial = withRoom(this.#partial, before, taken, limit + 1);
    chunk.copy(this.#partial, before, at, at + taken);
    this.#partialSize = before + taken;
    const arrived = this.#partial.subarray(0, this.#partialSize);

    if (before < LONGEST_METHOD && !this.#mayBegin(arrived)) {
      this.#refuse(400, `the connection does not begin with an HTTP/1.1 ${this.#role}`);
      return chunk.length;
    }
    if (!this.#firstLineRead && !this.#readFirstLine(arrived, before)) return chunk.length;
    const end = arrived.indexOf(END_OF_HEAD, Math.max(0, before - 3));
    if (this.#partialSize > limit && (end === -1 || end + 4 > limit)) {
      this.#refuse(431, `the head of the message is larger than ${limit} bytes`);
      return chunk.length;
    }
    if (end === -1) return at + taken;
    const next = at + end + 4 - before;
    const text = arrived.toString('latin1', 0, end + 2);
    this.#partial = NO_BYTES;
    this.#partialSize = 0;
    this.#headArrived(text, text.length, chunk.length - next);
    return next;
  }

  #mayBegin(arrived: Buffer): boolean {
    if (this.#role === 'response') {
      return 'HTTP/1.'.startsWith(arrived.toString('latin1', 0, 7));
    }
    const most = Math.min(arrived.length, LONGEST_METHOD);
    for (let i = 0; i < most; i++) {
      const byte = arrived[i] ?? 0;
      if (byte === SPACE) return i > 0;
      // Letters, and what else a token may hold; the first line is read in full when it is there.
      if (byte < 0x21 || byte >= DELETE) return false;
    }
    return most < LONGEST_METHOD;
  }

  /** Reads the first line as soon as it is there: a peer that speaks something else hears of it at once. */
  #readFirstLine(arrived: Buffer, before: number): boolean {
    const lf = arrived.indexOf(LF, before);
    if (lf === -1) return true;
    this.#firstLineRead = true;
    if (arrived[lf - 1] !== CR) {
      this.#refuse(400, 'the first line does not end with CR LF');
      return false;
    }
    const refusal = this.head.readFirst(arrived.toString('latin1', 0, lf - 1));
    if (refusal !== undefined) this.#refuse(refusal.status, refusal.why);
    return refusal === undefined;
  }

  #headArrived(text: string, end: number, following: number): void {
    this.#firstLineRead = false;
    this.#blanks = 0;
    const { head } = this;
    const refusal = head.read(text, end);
    if (refusal !== undefined) {
      this.#refuse(refusal.status, refusal.why);
      return;
    }
    this.#bodySize = 0;
    if (this.#role === 'response' && !this.#mayHaveBody()) return;
    if (head.chunked) {
      this.#state = STATE.chunkSize;
      this.#missing = 0;
      this.#digits = 0;
      this.#lineSize = 0;
      this.#trailerSize = 0;
      this.#trailers = 0;
    } else if (head.length > 0) {
      if (head.length > this.#limits.maxMessageBytes) {
        this.#refuse(413, `the body has ${head.length} bytes; the limit is ${this.#limits.maxMessageBytes}`);
        return;
      }
      this.#state = STATE.length;
      this.#missing = head.length;
    } else if (head.length === -1 && this.#role === 'response') {
      this.#state = STATE.rest;
    } else {
      this.#complete();
      return;
    }
    if (head.expectsContinue && following === 0) this.#sink.expectsContinue?.();
  }

  /** Interim responses are skipped; of the others some have no body whatever their fields say (RFC 9112, 6.3). */
  #mayHaveBody(): boolean {
    const { status } = this.head;
    if (status >= 100 && status < 200 && status !== 101) return false;
    if (status !== 101 && status !== 204 && status !== 304) return true;
    this.#complete();
    return false;
  }

  #complete(): void {
    const body = this.#bodySize === 0 ? NO_BYTES : this.#body.subarray(0, this.#bodySize);
    this.#body = NO_BYTES;
    this.#deliver(body);
  }

  #deliver(body: Buffer): void {
    this.#state = STATE.head;
    this.messages++;
    this.#sink.message(body);
  }

  #feedLength(chunk: Buffer, at: number): number {
    const missing = this.#missing;
    const end = at + missing;
    if (this.#bodySize === 0 && end <= chunk.length) {
      this.#deliver(cut(chunk, at, end));
      return end;
    }
    const taken = Math.min(missing, chunk.length - at);
    this.#append(chunk, at, taken, this.head.length);
    this.#missing = missing - taken;
    if (taken === missing) this.#complete();
    return at + taken;
  }

  #feedRest(chunk: Buffer, at: number): number {
    if (this.#bodySize + chunk.length - at > this.#limits.maxMessageBytes) this.#refuseBody();
    else this.#append(chunk, at, chunk.length - at, this.#limits.maxMessageBytes);
    return chunk.length;
  }

  #feedChunkData(chunk: Buffer, at: number): number {
    const taken = Math.min(this.#missing, chunk.length - at);
    this.#append(chunk, at, taken, this.#limits.maxMessageBytes);
    this.#missing -= taken;
    if (this.#missing === 0) this.#state = STATE.chunkCr;
    return at + taken;
  }

  #append(chunk: Buffer, at: number, size: number, most: number): void {
    this.#body = withRoom(this.#body, this.#bodySize, size, most);
    chunk.copy(this.#body, this.#bodySize, at, at + size);
    this.#bodySize += size;
  }

  #refuseBody(): void {
    this.#refuse(413, `the body has more than ${this.#limits.maxMessageBytes} bytes, which is the limit`);
  }

  /** One byte of what stands around the chunks of a body. */
  #feedFraming(byte: number): void {
    switch (this.#state) {
      case STATE.chunkSize:
        this.#feedChunkSize(byte);
        return;
      case STATE.chunkExtension:
        if (byte === CR) this.#state = STATE.chunkSizeLf;
        else if ((byte < SPACE && byte !== TAB) || byte === DELETE || ++this.#lineSize > LONGEST_CHUNK_LINE) {
          this.#refuse(400, 'a chunk of the body has a bad extension');
        }
        return;
      case STATE.chunkSizeLf:
        if (byte !== LF) this.#refuse(400, 'the size of a chunk does not end with CR LF');
        else this.#state = this.#missing === 0 ? STATE.trailerStart : STATE.chunkData;
        return;
      case STATE.chunkCr:
        if (byte !== CR) this.#refuse(400, 'a chunk does not end where its size says');
        else this.#state = STATE.chunkLf;
        return;
      case STATE.chunkLf:
        if (byte !== LF) this.#refuse(400, 'a chunk does not end where its size says');
        else {
          this.#state = STATE.chunkSize;
          this.#digits = 0;
          this.#lineSize = 0;
        }
        return;
      case STATE.lastLf:
        if (byte !== LF) this.#refuse(400, 'the body does not end with CR LF');
        else this.#complete();
        return;
      default:
        this.#feedTrailer(byte);
    }
  }

  #feedChunkSize(byte: number): void {
    const digit = hexValue(byte);
    if (digit !== -1) {
      this.#missing = this.#missing * 16 + digit;
      if (++this.#digits > MOST_HEX_DIGITS) this.#refuse(400, 'the size of a chunk is too long');
      return;
    }
    if (this.#digits === 0 || (byte !== CR && byte !== SEMICOLON && byte !== SPACE && byte !== TAB)) {
      this.#refuse(400, 'the size of a chunk is not a hexadecimal number');
    } else if (this.#bodySize + this.#missing > this.#limits.maxMessageBytes) {
      this.#refuseBody();
    } else {
      this.#state = byte === CR ? STATE.chunkSizeLf : STATE.chunkExtension;
    }
  }

  /** Trailers carry nothing for us; they are read over, within the limits of a head. */
  #feedTrailer(byte: number): void {
    if (this.#state === STATE.trailerLf) {
      if (byte === LF) this.#state = STATE.trailerStart;
      else this.#refuse(400, 'a trailer does not end with CR LF');
      return;
    }
    if (byte === CR) {
      this.#state = this.#state === STATE.trailerStart ? STATE.lastLf : STATE.trailerLf;
      return;
    }
    if ((byte < SPACE && byte !== TAB) || byte === DELETE) {
      this.#refuse(400, 'a trailer holds a control character');
      return;
    }
    if (this.#state === STATE.trailerStart) {
      this.#state = STATE.trailer;
      this.#trailers++;
    }
    if (++this.#trailerSize > this.#limits.maxHeaderBytes || this.#trailers > this.#limits.maxHeaderFields) {
      this.#refuse(431, 'the trailers of the message are over the limit of a head');
    }
  }
}

/** The buffer, or one that is twice as large, with room for so many bytes more; never larger than `most` asks for. */
function withRoom(buffer: Buffer, used: number, more: number, most: number): Buffer {
  const needed = used + more;
  if (needed <= buffer.length) return buffer;
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(most, Math.max(FIRST_BUFFER, buffer.length * 2))));
  buffer.copy(larger, 0, 0, used);
  return larger;
}

/** A body out of a chunk: a view of it, unless that would keep much more alive than itself. */
function cut(chunk: Buffer, from: number, to: number): Buffer {
  const view = chunk.subarray(from, to);
  if (chunk.length < LARGE_CHUNK || view.length > chunk.length / 2) return view;
  const copy = Buffer.allocUnsafeSlow(view.length);
  view.copy(copy);
  return copy;
}

function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
