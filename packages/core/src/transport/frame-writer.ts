import type { Socket as NetSocket } from 'node:net';
import type { Header, Message } from '../contract/message.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { BatchWriter } from './batch-writer.ts';
import {
  encodeHeaderBlock,
  FLAG,
  FRAME_HEAD,
  KIND,
  LONGEST_DEFINING_FRAME,
  LONGEST_DEFINITION,
  MESSAGE_HEAD,
  MOST_REFERENCES,
  NO_REFERENCE,
  PREFACE,
} from './frame.ts';
import { encodeError, encodeSettings, encodeText } from './frame-payload.ts';
import type { Limits } from './limits.ts';

/** A message up to this size is filled into the batch in one go. */
const SHORT_MESSAGE = 16 * 1024;

/**
 * Writes frames. It knows which headers the peer has been sent, so that a message whose header it has costs twelve bytes
 * besides its body. A private class: it is on the path of every call.
 */
export class FrameWriter {
  readonly #batch: BatchWriter;
  readonly #limits: Limits;
  readonly #sentHeaders = new Map<Header, number>();

  /** `congested` is called when the peer takes too little of what is written, `drained` when it has taken it. */
  constructor(socket: NetSocket, limits: Limits, congested: () => void, drained: () => void) {
    this.#batch = new BatchWriter(socket, congested, drained);
    this.#limits = limits;
  }

  get congested(): boolean {
    return this.#batch.congested;
  }

  /** Bytes that the kernel has not taken. */
  get pending(): number {
    return this.#batch.pending;
  }

  flush(): void {
    this.#batch.flush();
  }

  /** What a connection begins with. */
  begin(): void {
    this.#batch.append(PREFACE);
    this.#payload(KIND.settings, 0, 0, encodeSettings(this.#limits));
  }

  /** A message of an exchange. Throws 431 when its fields are over the limit. */
  message(kind: number, flags: number, id: number, message: Message): void {
    const { body } = message;
    const reference = this.#sentHeaders.get(message.header);
    const size = MESSAGE_HEAD + body.length;
    if (reference === undefined || message.extra !== undefined || size > SHORT_MESSAGE) {
      this.#long(kind, flags, id, message, reference);
      return;
    }
    const buffer = this.#batch.reserve(size);
    const at = this.#batch.offset(size);
    fillHead(buffer, at, size - 4, kind, flags, id);
    buffer[at + 10] = reference >>> 8;
    buffer[at + 11] = reference;
    buffer.set(body, at + MESSAGE_HEAD);
  }

  /** A frame without a payload. */
  plain(kind: number, flags: number, id: number): void {
    const buffer = this.#batch.reserve(FRAME_HEAD);
    fillHead(buffer, this.#batch.offset(FRAME_HEAD), FRAME_HEAD - 4, kind, flags, id);
  }

  /** A frame with a text, cut where it is too long. */
  text(kind: number, id: number, text: string): void {
    this.#payload(kind, 0, id, encodeText(text));
  }

  /** Refuses an exchange. */
  error(id: number, error: MicroError, unexecuted: boolean): void {
    this.#payload(KIND.error, unexecuted ? FLAG.unexecuted : 0, id, encodeError(error));
  }

  /** Gives credit. */
  credit(id: number, amount: number): void {
    const size = FRAME_HEAD + 4;
    const buffer = this.#batch.reserve(size);
    const at = this.#batch.offset(size);
    fillHead(buffer, at, size - 4, KIND.credit, 0, id);
    buffer.writeUInt32BE(amount, at + FRAME_HEAD);
  }

  /** A frame with a short payload. */
  #payload(kind: number, flags: number, id: number, payload: Buffer): void {
    const size = FRAME_HEAD + payload.length;
    const buffer = this.#batch.reserve(size);
    const at = this.#batch.offset(size);
    fillHead(buffer, at, size - 4, kind, flags, id);
    payload.copy(buffer, at + FRAME_HEAD);
  }

  /** A message that defines its header, has fields of its own, or is long. */
  #long(kind: number, flags: number, id: number, message: Message, known: number | undefined): void {
    let reference = known ?? NO_REFERENCE;
    let definition: Buffer | undefined;
    const { maxHeaderBytes, maxHeaderFields } = this.#limits;
    let extra = message.extra === undefined ? undefined : encodeHeaderBlock(message.extra, maxHeaderFields);
    let allFlags = flags;
    if (known === undefined) {
      const block = encodeHeaderBlock(message.header, maxHeaderFields);
      const size = MESSAGE_HEAD + 8 + block.length + (extra?.length ?? 0) + message.body.length;
      const isShort = block.length <= LONGEST_DEFINITION && size <= LONGEST_DEFINING_FRAME;
      if (isShort && this.#sentHeaders.size < MOST_REFERENCES) {
        reference = this.#sentHeaders.size;
        definition = block;
      } else {
        extra = extra === undefined ? block : Buffer.concat([block, extra]);
      }
    }
    const blocks = (definition?.length ?? 0) + (extra?.length ?? 0);
    if (blocks > maxHeaderBytes) {
      const detail = `header of ${blocks} bytes: the limit is ${maxHeaderBytes}`;
      throw new MicroError({ code: CODE.headerTooLarge, detail, unexecuted: true });
    }
    if (definition !== undefined) {
      this.#sentHeaders.set(message.header, reference);
      allFlags |= FLAG.define;
    }
    if (extra !== undefined) allFlags |= FLAG.extra;
    const headSize =
      MESSAGE_HEAD +
      (definition === undefined ? 0 : 4 + definition.length) +
      (extra === undefined ? 0 : 4 + extra.length);
    const head = Buffer.allocUnsafe(headSize);
    fillHead(head, 0, headSize - 4 + message.body.length, kind, allFlags, id);
    head.writeUInt16BE(reference, FRAME_HEAD);
    let at = MESSAGE_HEAD;
    for (const block of [definition, extra]) {
      if (block === undefined) continue;
      head.writeUInt32BE(block.length, at);
      block.copy(head, at + 4);
      at += 4 + block.length;
    }
    this.#batch.append(head);
    if (message.body.length > 0) this.#batch.append(message.body);
  }
}

function fillHead(buffer: Buffer, at: number, length: number, kind: number, flags: number, id: number): void {
  buffer[at] = length >>> 24;
  buffer[at + 1] = length >>> 16;
  buffer[at + 2] = length >>> 8;
  buffer[at + 3] = length;
  buffer[at + 4] = kind;
  buffer[at + 5] = flags;
  buffer[at + 6] = id >>> 24;
  buffer[at + 7] = id >>> 16;
  buffer[at + 8] = id >>> 8;
  buffer[at + 9] = id;
}
