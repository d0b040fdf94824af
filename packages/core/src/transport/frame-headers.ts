import type { Header, Message } from '../contract/message.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { decodeHeaderBlock, FLAG, LONGEST_DEFINITION, MOST_REFERENCES, NO_REFERENCE } from './frame.ts';
import type { Limits } from './limits.ts';

/** The headers that a peer has defined on a connection, and how it defines another one. A private class, as its user. */
export class FrameHeaders {
  readonly #limits: Limits;
  readonly #defined: Header[] = [];

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** The message in the payload of a frame. Throws 431 for fields over a limit and 400 for what is no message. */
  message(flags: number, bytes: Buffer, start: number, end: number): Message {
    let at = start + 2;
    if (at > end) throw new MicroError({ code: CODE.badRequest, detail: 'a message frame without a header reference' });
    const reference = ((bytes[start] ?? 0) << 8) | (bytes[start + 1] ?? 0);
    if ((flags & (FLAG.define | FLAG.extra)) === 0) {
      return { header: this.#find(reference), extra: undefined, body: bytes.subarray(at, end) };
    }
    let extra: Header | undefined;
    if ((flags & FLAG.define) !== 0) at = this.#define(reference, bytes, at, end);
    if ((flags & FLAG.extra) !== 0) {
      const block = blockAt(bytes, at, end);
      at += 4 + block.length;
      extra = this.#decode(block);
    }
    const body = bytes.subarray(at, end);
    if (reference === NO_REFERENCE && extra !== undefined) return { header: extra, extra: undefined, body };
    return { header: this.#find(reference), extra, body };
  }

  /** The header of a reference; throws 431 for one that is over a limit and 400 for one that was never defined. */
  #find(reference: number): Header {
    const header = this.#defined[reference];
    if (header !== undefined && header !== REFUSED_HEADER) return header;
    if (reference === NO_REFERENCE) return EMPTY_HEADER;
    if (header === undefined) {
      throw new MicroError({ code: CODE.badRequest, detail: `header ${reference} was never defined` });
    }
    const { maxHeaderBytes, maxHeaderFields } = this.#limits;
    const detail = `header ${reference} is over the limit of ${maxHeaderBytes} bytes or ${maxHeaderFields} fields`;
    throw new MicroError({ code: CODE.headerTooLarge, detail });
  }

  /** Takes a definition out of a frame; returns where it ends. */
  #define(reference: number, bytes: Buffer, at: number, end: number): number {
    const block = blockAt(bytes, at, end);
    if (reference !== this.#defined.length || reference >= MOST_REFERENCES) {
      throw new MicroError({ code: CODE.badRequest, detail: `header ${reference} is defined out of order` });
    }
    if (block.length > LONGEST_DEFINITION) {
      const detail = `header ${reference} is defined with ${block.length} bytes, ${LONGEST_DEFINITION} are allowed`;
      throw new MicroError({ code: CODE.badRequest, detail });
    }
    let header: Header = REFUSED_HEADER;
    try {
      header = Object.freeze(this.#decode(block));
    } catch (error) {
      // What our limits refuse has its number all the same: the next one is counted on from it.
      if (MicroError.from(error).code !== CODE.headerTooLarge) throw error;
    }
    this.#defined.push(header);
    return at + 4 + block.length;
  }

  /** Fields of one message alone. Throws 431 over the limits and 400 for what is no header block. */
  #decode(block: Buffer): Header {
    if (block.length > this.#limits.maxHeaderBytes) {
      const detail = `header of ${block.length} bytes: the limit is ${this.#limits.maxHeaderBytes}`;
      throw new MicroError({ code: CODE.headerTooLarge, detail });
    }
    return decodeHeaderBlock(block, this.#limits.maxHeaderFields);
  }
}

const EMPTY_HEADER: Header = Object.freeze(Object.create(null));
/** Stands for a definition that is over a limit of ours. */
const REFUSED_HEADER: Header = Object.freeze(Object.create(null));

/** The block that begins with its length at `at`; throws 400 when it ends behind its frame. */
function blockAt(bytes: Buffer, at: number, end: number): Buffer {
  const length = at + 4 <= end ? bytes.readUInt32BE(at) : Number.POSITIVE_INFINITY;
  if (at + 4 + length <= end) return bytes.subarray(at + 4, at + 4 + length);
  throw new MicroError({ code: CODE.badRequest, detail: 'a header block past the end of its frame' });
}
