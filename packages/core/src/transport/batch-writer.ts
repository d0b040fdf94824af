import type { Socket as NetSocket } from 'node:net';

const BATCH_BYTES = 64 * 1024;
/** A body of this size or more is handed to the kernel as it is instead of being copied into the batch. */
const COPY_BELOW = 16 * 1024;
/** Past so many bytes that the kernel has not taken, senders wait. */
export const CONGESTED_ABOVE = 512 * 1024;

/**
 * Gathers what is written during one turn of the event loop into one buffer and one system call: a write per message
 * costs twice as much as the message itself. A private class: it is on the path of every call.
 */
export class BatchWriter {
  readonly #socket: NetSocket;
  readonly #onCongested: () => void;
  readonly #onDrain: () => void;
  #buffer = Buffer.allocUnsafeSlow(BATCH_BYTES);
  #at = 0;
  #scheduled = false;
  #congested = false;
  readonly #flush = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  /** `onCongested` is called when senders should begin to wait, `onDrain` when they may go on. */
  constructor(socket: NetSocket, onCongested: () => void, onDrain: () => void) {
    this.#socket = socket;
    this.#onCongested = onCongested;
    this.#onDrain = onDrain;
    socket.on('drain', () => {
      if (!this.#congested || this.#socket.writableLength > CONGESTED_ABOVE / 2) return;
      this.#congested = false;
      this.#onDrain();
    });
  }

  get congested(): boolean {
    return this.#congested;
  }

  /** How many bytes wait here and for the kernel. */
  get pending(): number {
    return this.#at + this.#socket.writableLength;
  }

  /**
   * Room for `size` bytes, at most 64 KiB: the batch's buffer, in which the caller fills exactly `size` bytes from
   * `offset(size)` on. The bytes leave at the end of this turn.
   */
  reserve(size: number): Buffer {
    if (this.#at + size > BATCH_BYTES) this.flush();
    this.#at += size;
    if (!this.#scheduled) {
      this.#scheduled = true;
      // After the poll phase, so that all that one read of the socket set off leaves together.
      setImmediate(this.#flush);
    }
    return this.#buffer;
  }

  /** Where the room that was just reserved begins. */
  offset(size: number): number {
    return this.#at - size;
  }

  /** Appends bytes, copied when they are few. The caller does not change them afterwards. */
  append(bytes: Uint8Array): void {
    const size = bytes.length;
    if (size < COPY_BELOW) {
      const buffer = this.reserve(size);
      buffer.set(bytes, this.#at - size);
      return;
    }
    this.flush();
    if (!this.#socket.destroyed && !this.#socket.writableEnded) this.#socket.write(bytes);
    this.#measure();
  }

  /** Hands over what was gathered. */
  flush(): void {
    if (this.#at === 0) return;
    const batch = this.#buffer.subarray(0, this.#at);
    this.#at = 0;
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded) return;
    socket.write(batch);
    // What the kernel took at once is ours again; otherwise the socket still needs the bytes.
    if (socket.writableLength !== 0) this.#buffer = Buffer.allocUnsafeSlow(BATCH_BYTES);
    this.#measure();
  }

  #measure(): void {
    if (this.#congested || this.#socket.writableLength <= CONGESTED_ABOVE) return;
    this.#congested = true;
    this.#onCongested();
  }
}
