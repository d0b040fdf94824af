import { HEADER_BYTES } from './gathered-writer.ts';

const LENGTH_BYTES = 4;
/** A longer frame is a fault of the bench. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** What is done with a frame. */
export type OnFrame = (id: number, kind: number, text: string) => void;

/** Cuts what a socket delivers into frames. Only a frame that arrived in pieces is copied. */
export function frameReader(onFrame: OnFrame): (chunk: Buffer) => void {
  const length = Buffer.alloc(LENGTH_BYTES);
  let lengthHave = 0;
  let partial: Buffer | undefined;
  let partialHave = 0;

  const deliver = (source: Buffer, start: number, end: number) => {
    onFrame(source.readUInt32BE(start + 4), source[start + 8] ?? 0, source.toString('utf8', start + HEADER_BYTES, end));
  };

  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (partial !== undefined) {
        const copied = chunk.copy(partial, partialHave, at);
        at += copied;
        partialHave += copied;
        if (partialHave < partial.length) return;
        const whole = partial;
        partial = undefined;
        deliver(whole, 0, whole.length);
      } else if (lengthHave === 0 && chunk.length - at >= LENGTH_BYTES) {
        const end = at + LENGTH_BYTES + checked(chunk.readUInt32BE(at));
        if (end > chunk.length) {
          partial = Buffer.allocUnsafe(end - at);
          partialHave = chunk.copy(partial, 0, at);
          return;
        }
        deliver(chunk, at, end);
        at = end;
      } else {
        const copied = chunk.copy(length, lengthHave, at);
        at += copied;
        lengthHave += copied;
        if (lengthHave < LENGTH_BYTES) return;
        partial = Buffer.allocUnsafe(LENGTH_BYTES + checked(length.readUInt32BE(0)));
        partialHave = length.copy(partial, 0);
        lengthHave = 0;
      }
    }
  };
}

function checked(bytes: number): number {
  if (bytes < HEADER_BYTES - LENGTH_BYTES || bytes > MAX_FRAME_BYTES) {
    throw new Error(`a frame of ${bytes} bytes is outside the limits of the bench`);
  }
  return bytes;
}
