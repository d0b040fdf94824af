import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';
import { STREAM_WINDOW } from './exchange.ts';
import { SETTING } from './frame.ts';
import type { Limits } from './limits.ts';

/*
 * What stands in the frames that are no messages, both directions beside each other; `docs/wire.md` is the specification.
 */

/** How much text a frame carries: it is for people. */
const LONGEST_TEXT = 1_024;
const PAIR_BYTES = 5;

/** What a peer takes. */
export interface PeerSettings {
  /** `Infinity` is no limit. */
  readonly maxMessageBytes: number;
  readonly streamWindow: number;
}

/** What is known of a peer before it has said anything. */
export const UNKNOWN_SETTINGS: PeerSettings = {
  maxMessageBytes: Number.POSITIVE_INFINITY,
  streamWindow: STREAM_WINDOW,
};

/** What this side takes, as pairs of u8 key and u32 value; 0 is no limit. */
export function encodeSettings(limits: Limits): Buffer {
  const pairs: readonly (readonly [number, number])[] = [
    [SETTING.maxMessageBytes, limits.maxMessageBytes],
    [SETTING.maxInFlight, limits.maxInFlight],
    [SETTING.streamWindow, STREAM_WINDOW],
  ];
  const payload = Buffer.alloc(pairs.length * PAIR_BYTES);
  pairs.forEach(([key, value], index) => {
    payload[index * PAIR_BYTES] = key;
    payload.writeUInt32BE(Number.isFinite(value) ? Math.min(value, 0xffff_ffff) : 0, index * PAIR_BYTES + 1);
  });
  return payload;
}

/** What a peer says that it takes. A key that is not known here belongs to a newer peer and changes nothing. */
export function decodeSettings(known: PeerSettings, bytes: Buffer, start: number, end: number): PeerSettings {
  let { maxMessageBytes, streamWindow } = known;
  for (let at = start; at + PAIR_BYTES <= end; at += PAIR_BYTES) {
    const value = bytes.readUInt32BE(at + 1);
    if (bytes[at] === SETTING.maxMessageBytes) maxMessageBytes = value === 0 ? Number.POSITIVE_INFINITY : value;
    else if (bytes[at] === SETTING.streamWindow && value > 0) streamWindow = value;
  }
  return { maxMessageBytes, streamWindow };
}

/** Why an exchange is refused: u16 code, text. */
export function encodeError({ code, detail }: MicroError): Buffer {
  const payload = Buffer.from(`\0\0${detail.slice(0, LONGEST_TEXT)}`);
  payload.writeUInt16BE(code, 0);
  return payload;
}

/** Why the peer refused an exchange. `unexecuted`: it says that nothing ran. */
export function decodeError(unexecuted: boolean, bytes: Buffer, start: number, end: number): MicroError {
  return new MicroError({
    id: 'go.micro.server',
    code: end - start >= 2 ? bytes.readUInt16BE(start) : CODE.unavailable,
    detail: bytes.toString('utf8', Math.min(start + 2, end), Math.min(end, start + 4 * LONGEST_TEXT)),
    unexecuted,
  });
}

/** A text, cut where it is too long. */
export function encodeText(text: string): Buffer {
  return Buffer.from(text.slice(0, LONGEST_TEXT));
}

/** The text of a peer, cut where it is too long. */
export function decodeText(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('utf8', start, Math.min(end, start + LONGEST_TEXT));
}
