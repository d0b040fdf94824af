import type { Socket as NetSocket } from 'node:net';
import type { Http1Parser } from './http1-parser.ts';
import type { Limits } from './limits.ts';

/** A peer that sends a body slower than this per stall timeout is taken for one that holds the connection on purpose. */
const SLOWEST_BODY = 4_096;
/** The same for a peer that reads slowly: so many bytes per millisecond beyond the stall timeout. */
const SLOWEST_READER = 64;

/** What a look at a connection showed. */
export type Verdict = 'well' | 'stalled' | 'unread' | 'idle';

/** Looks at a connection about once a second; nothing is measured per message. */
export interface ConnectionWatch {
  /** Whether the peer stands still in the middle of a message, does not read what it is sent, or wants nothing. */
  look(time: number, open: number, reading: boolean): Verdict;
}

/**
 * Makes a watch. A head has to arrive in whole within the stall timeout, however its bytes trickle; a body has to go on
 * arriving, and what is written has to go on being read.
 */
export function createConnectionWatch(socket: NetSocket, parser: Http1Parser, limits: Limits): ConnectionWatch {
  let usedAt = -1;
  let messages = -1;
  let inHead = false;
  let bytesRead = 0;
  let readAt = 0;
  let flushed = -1;
  let flushedAt = 0;

  const stalled = (time: number, reading: boolean): boolean => {
    const moved =
      !reading ||
      parser.idle ||
      parser.messages !== messages ||
      parser.inHead !== inHead ||
      (!inHead && socket.bytesRead - bytesRead >= SLOWEST_BODY);
    if (!moved) return time - readAt > limits.stallTimeoutMs;
    messages = parser.messages;
    inHead = parser.inHead;
    bytesRead = socket.bytesRead;
    readAt = time;
    return false;
  };

  const unread = (time: number): boolean => {
    const length = socket.writableLength;
    const flushedNow = length === 0 ? -1 : socket.bytesWritten - length;
    if (length > 0 && flushedNow === flushed) return time - flushedAt > limits.stallTimeoutMs + length / SLOWEST_READER;
    flushed = flushedNow;
    flushedAt = time;
    return false;
  };

  return {
    look(time, open, reading) {
      if (usedAt === -1 || open > 0 || parser.messages !== messages) usedAt = time;
      if (unread(time)) return 'unread';
      if (stalled(time, reading)) return 'stalled';
      return time - usedAt > limits.idleTimeoutMs ? 'idle' : 'well';
    },
  };
}
