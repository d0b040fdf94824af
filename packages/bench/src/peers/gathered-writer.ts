import type { Socket } from 'node:net';

/** How much one buffer holds before it is written out, in bytes. */
const BUFFER_BYTES = 256 * 1024;
/** Length (of what follows it), id and kind. */
export const HEADER_BYTES = 9;
/** A UTF-16 unit is at most three bytes of UTF-8. */
const MAX_BYTES_PER_UNIT = 3;
/** How many buffers are kept for the next write. */
const KEPT_BUFFERS = 4;
/** How much more is gathered before each further early write of one turn. */
const EARLY_GROWTH = 8;

/** Writes frames to a socket, many of them in one buffer and one `write`. */
export interface GatheredWriter {
  frame(id: number, kind: number, text: string): void;
  /** Resolves when the socket has room again; `undefined` when it has room now. */
  room(): Promise<void> | undefined;
}

/**
 * A writer that gathers what is written within one turn of the event loop. It writes at the end of the turn, and before
 * it as soon as `earlyBytes` have been gathered, then eight times as many, and so on until the turn ends.
 */
export function gatheredWriter(socket: Socket, earlyBytes: number): GatheredWriter {
  const kept: Buffer[] = [];
  let buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  let used = 0;
  let scheduled = false;
  let enough = earlyBytes;
  let full = false;
  let waiting: (() => void)[] = [];

  const release = () => {
    full = false;
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
  };
  socket.on('drain', release);
  socket.on('close', release);

  const endTurn = () => {
    scheduled = false;
    enough = earlyBytes;
    flush();
  };
  const flush = () => {
    if (used === 0) return;
    const written = buffer;
    if (!socket.write(used === written.length ? written : written.subarray(0, used), () => keep(written))) full = true;
    buffer = kept.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    used = 0;
  };
  const keep = (written: Buffer) => {
    if (kept.length < KEPT_BUFFERS && written.length === BUFFER_BYTES) kept.push(written);
  };

  return {
    frame(id, kind, text) {
      const most = HEADER_BYTES + text.length * MAX_BYTES_PER_UNIT;
      if (used + most > buffer.length) {
        flush();
        if (most > buffer.length) buffer = Buffer.allocUnsafeSlow(most);
      }
      const bytes = buffer.write(text, used + HEADER_BYTES);
      buffer.writeUInt32BE(bytes + HEADER_BYTES - 4, used);
      buffer.writeUInt32BE(id, used + 4);
      buffer[used + 8] = kind;
      used += HEADER_BYTES + bytes;
      if (used >= enough) {
        enough *= EARLY_GROWTH;
        flush();
      }
      if (scheduled) return;
      scheduled = true;
      setImmediate(endTurn);
    },
    room() {
      if (!full || socket.destroyed) return undefined;
      return new Promise((resolve) => waiting.push(resolve));
    },
  };
}
