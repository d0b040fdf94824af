import type { Header } from '../contract/message.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';

/**
 * The bytes of our own framing; `docs/wire.md` is its specification. A frame is
 *
 *     u32 length of what follows · u8 kind · u8 flags · u32 exchange · payload
 *
 * and the payload of a message (`open`, `data`) is
 *
 *     u16 header reference · [u32 length, header block: its definition] · [u32 length, header block: extra] · body
 *
 * All numbers are big-endian.
 */

/** What a connection of frames begins with, on both sides. Its first byte cannot begin an HTTP request. */
export const PREFACE = Buffer.from('\0micro1\n', 'latin1');

export const KIND = {
  /** What the sender takes: pairs of u8 key and u32 value. Always the first frame. */
  settings: 0,
  /** A new exchange, with its first message. */
  open: 1,
  /** A further message. */
  data: 2,
  /** The sender has ended, without a message. */
  end: 3,
  /** The transport refuses an exchange: u16 code, text. */
  error: 4,
  /** The sender gives the exchange up: text. */
  cancel: 5,
  /** The sender has room for so much more on a stream: u32. */
  credit: 6,
  ping: 7,
  pong: 8,
  /** The sender takes no new exchanges on this connection; its exchange is the newest that was taken up. Text that says why. */
  goaway: 9,
} as const;

/** A kind from here on may be skipped by who does not know it; an unknown one below ends the connection. */
export const FIRST_OPTIONAL_KIND = 0x80;

export const FLAG = {
  /** The sender's last message. */
  end: 0x01,
  /** `open`: the exchange is a stream. */
  stream: 0x02,
  /** The header reference is defined by this frame. */
  define: 0x04,
  /** Fields of this message alone follow. */
  extra: 0x08,
  /** `error`: the exchange provably did not run. */
  unexecuted: 0x10,
} as const;

/** Flags that must be understood: an unknown one of these ends the connection, unknown others are ignored. */
export const REQUIRED_FLAGS = 0xc0;

export const SETTING = {
  maxMessageBytes: 1,
  maxInFlight: 2,
  streamWindow: 3,
} as const;

/** Of every frame: length, kind, flags, exchange. */
export const FRAME_HEAD = 10;
/** Of a message: the head and the header reference. */
export const MESSAGE_HEAD = FRAME_HEAD + 2;
/** The header reference of a message all of whose fields are extra. */
export const NO_REFERENCE = 0xffff;
/** How many headers a side may define on a connection. Those after that travel as extra fields. */
export const MOST_REFERENCES = 1_024;

/** The longest header block that is defined; a longer one travels as extra fields, so that nobody has to keep much. */
export const LONGEST_DEFINITION = 4 * 1024;
/** The longest frame with a definition in it: one that is skipped because of its length would take its definition along. */
export const LONGEST_DEFINING_FRAME = 64 * 1024;

/** Fields as `u8 length, name, u32 length, value` one after the other. Throws 431 for more than `maxFields`. */
export function encodeHeaderBlock(header: Header, maxFields: number): Buffer {
  const parts: Buffer[] = [];
  let fields = 0;
  for (const name in header) {
    if (++fields > maxFields) throw tooManyFields(maxFields);
    const nameBytes = Buffer.from(name, 'latin1');
    const valueBytes = Buffer.from(header[name] ?? '', 'utf8');
    if (nameBytes.length === 0 || nameBytes.length > 255) {
      throw new MicroError({
        code: CODE.badRequest,
        detail: `header name of ${nameBytes.length} bytes: 1 to 255 are allowed`,
      });
    }
    const head = Buffer.allocUnsafe(1);
    head[0] = nameBytes.length;
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(valueBytes.length);
    parts.push(head, nameBytes, length, valueBytes);
  }
  return Buffer.concat(parts);
}

/** Reads a header block; throws a `bad request` error when it is none and 431 for more than `maxFields`. */
export function decodeHeaderBlock(block: Buffer, maxFields: number): Header {
  const header: Record<string, string> = Object.create(null);
  let at = 0;
  let fields = 0;
  while (at < block.length) {
    const nameEnd = at + 1 + (block[at] ?? 0);
    const valueStart = nameEnd + 4;
    if (nameEnd === at + 1 || valueStart > block.length) throw malformedBlock();
    const valueEnd = valueStart + block.readUInt32BE(nameEnd);
    if (valueEnd > block.length) throw malformedBlock();
    if (++fields > maxFields) throw tooManyFields(maxFields);
    header[block.toString('latin1', at + 1, nameEnd)] = block.toString('utf8', valueStart, valueEnd);
    at = valueEnd;
  }
  return header;
}

function tooManyFields(maxFields: number): MicroError {
  const detail = `more than ${maxFields} header fields, which is the limit`;
  return new MicroError({ code: CODE.headerTooLarge, detail, unexecuted: true });
}

function malformedBlock(): MicroError {
  return new MicroError({ code: CODE.badRequest, detail: 'malformed header block in a frame' });
}
