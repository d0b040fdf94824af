/** What a reader found: a whole frame, at `start` (its kind) to `end` in `bytes`. */
export interface FrameSink {
  frame(bytes: Buffer, start: number, end: number): void;
  /** A frame is longer than `limit`. Its first bytes are there; the rest is skipped without being kept. */
  oversize(kind: number, flags: number, exchange: number, length: number): void;
  /** The bytes are no frames. */
  broken(reason: string): void;
}

const SMALLEST = 6;
/** What is set aside at once for a frame that was only announced: a message of 64 KiB with its head. */
const FIRST_CHUNK = 68 * 1024;

/**
 * Cuts a stream of bytes into frames, whatever pieces it arrives in. Frames that lie in one piece are handed on in place;
 * one that is spread over several is put together in a buffer that grows with what has arrived, not with what was
 * announced. A private class: it is on the path of every call.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #limit: number;
  /** The beginning of a frame that has not arrived in full. */
  #partial: Buffer | undefined;
  #filled = 0;
  /** Bytes of an oversize frame still to be skipped. */
  #skip = 0;
  #stopped = false;

  constructor(sink: FrameSink, limit: number) {
    this.#sink = sink;
    this.#limit = limit;
  }

  /** Something has begun to arrive that is not complete. */
  get partial(): boolean {
    return this.#partial !== undefined || this.#skip > 0;
  }

  /** Reads no more. */
  stop(): void {
    this.#stopped = true;
    this.#partial = undefined;
  }

  read(chunk: Buffer): void {
    let at = 0;
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, chunk.length);
      this.#skip -= skipped;
      at = skipped;
    }
    if (this.#partial !== undefined) at = this.#complete(chunk, at);
    const end = chunk.length;
    while (end - at >= 4 && !this.#stopped) {
      const length = lengthAt(chunk, at);
      if (length < SMALLEST) {
        this.#sink.broken(`a frame of ${length} bytes`);
        return;
      }
      if (length > this.#limit) {
        if (end - at < 4 + SMALLEST) break;
        at = this.#oversize(chunk, at, length);
        continue;
      }
      if (end - at - 4 < length) break;
      this.#sink.frame(chunk, at + 4, at + 4 + length);
      at += 4 + length;
    }
    if (at < end && !this.#stopped) this.#keep(chunk, at);
  }

  /** Goes on with the frame that had begun before; returns where in the chunk the next one starts. */
  #complete(chunk: Buffer, start: number): number {
    let at = start;
    while (this.#partial !== undefined && at < chunk.length) {
      const needed = this.#needed(this.#partial);
      const taken = Math.min(needed - this.#filled, chunk.length - at);
      this.#append(chunk, at, at + taken, needed);
      at += taken;
      if (this.#filled < needed) break;
      const partial = this.#partial;
      if (this.#needed(partial) > needed) continue;
      const length = lengthAt(partial, 0);
      this.#partial = undefined;
      this.#filled = 0;
      if (length < SMALLEST) {
        this.#sink.broken(`a frame of ${length} bytes`);
        return chunk.length;
      }
      if (length > this.#limit) {
        return this.#oversizeFrom(partial, length, needed - 4, chunk, at);
      }
      this.#sink.frame(partial, 4, 4 + length);
      if (this.#stopped) return chunk.length;
    }
    return at;
  }

  /** How many bytes of the frame must be there before anything can be done with it. */
  #needed(partial: Buffer): number {
    if (this.#filled < 4) return 4;
    const length = lengthAt(partial, 0);
    return length > this.#limit || length < SMALLEST ? 4 + SMALLEST : 4 + length;
  }

  #append(chunk: Buffer, from: number, to: number, needed: number): void {
    let partial = this.#partial ?? Buffer.allocUnsafe(0);
    const filled = this.#filled + (to - from);
    if (filled > partial.length) {
      const larger = Buffer.allocUnsafe(Math.min(Math.max(needed, filled), Math.max(filled, partial.length * 2)));
      partial.copy(larger, 0, 0, this.#filled);
      partial = larger;
    }
    chunk.copy(partial, this.#filled, from, to);
    this.#partial = partial;
    this.#filled = filled;
  }

  #keep(chunk: Buffer, at: number): void {
    const rest = chunk.length - at;
    const announced = rest < 4 ? 4 : Math.min(lengthAt(chunk, at), this.#limit) + 4;
    const partial = Buffer.allocUnsafe(Math.max(rest, Math.min(announced, FIRST_CHUNK)));
    chunk.copy(partial, 0, at);
    this.#partial = partial;
    this.#filled = rest;
  }

  #oversize(chunk: Buffer, at: number, length: number): number {
    this.#report(chunk, at, length);
    const available = chunk.length - at - 4;
    if (available >= length) return at + 4 + length;
    this.#skip = length - available;
    return chunk.length;
  }

  #oversizeFrom(head: Buffer, length: number, have: number, chunk: Buffer, at: number): number {
    this.#report(head, 0, length);
    const left = length - have;
    const available = chunk.length - at;
    if (available >= left) return at + left;
    this.#skip = left - available;
    return chunk.length;
  }

  #report(bytes: Buffer, at: number, length: number): void {
    this.#sink.oversize(bytes[at + 4] ?? 0, bytes[at + 5] ?? 0, bytes.readUInt32BE(at + 6), length);
  }
}

function lengthAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at);
}
