import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameReader } from '../../src/transport/frame-reader.ts';
import { frame, u32 } from './frame-peer.ts';

const LIMIT = 200;

interface Seen {
  readonly kind: number;
  readonly flags: number;
  readonly id: number;
  /** The payload, or the announced length of a frame over the limit. */
  readonly content: string | number;
}

/** All that a reader makes of these pieces. */
function read(pieces: readonly Buffer[], limit = LIMIT): { seen: Seen[]; broken: string[]; reader: FrameReader } {
  const seen: Seen[] = [];
  const broken: string[] = [];
  const reader = new FrameReader(
    {
      frame(bytes, start, end) {
        seen.push({
          kind: bytes[start] ?? -1,
          flags: bytes[start + 1] ?? -1,
          id: bytes.readUInt32BE(start + 2),
          content: bytes.toString('hex', start + 6, end),
        });
      },
      oversize: (kind, flags, id, length) => seen.push({ kind, flags, id, content: length }),
      broken(reason) {
        broken.push(reason);
        reader.stop();
      },
    },
    limit,
  );
  // Each piece is a chunk of its own, as it is when it comes from a socket.
  for (const piece of pieces) reader.read(Buffer.from(piece));
  return { seen, broken, reader };
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set(cuts.map((where) => where % (bytes.length + 1)))].sort((a, b) => a - b);
  const pieces: Buffer[] = [];
  let from = 0;
  for (const to of [...at, bytes.length]) {
    pieces.push(bytes.subarray(from, to));
    from = to;
  }
  return pieces;
}

const anyFrame = fc.record({
  kind: fc.integer({ min: 0, max: 255 }),
  flags: fc.integer({ min: 0, max: 255 }),
  id: fc.integer({ min: 0, max: 0xffff_ffff }),
  // Some of them longer than the limit.
  payload: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 150, maxLength: 600 })),
});

describe('a frame reader', () => {
  test('finds the same frames however their bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 60 }), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(({ kind, id, payload, flags }) => frame(kind, id, payload, flags)));
        const expected = frames.map(({ kind, flags, id, payload }) => {
          const length = payload.length + 6;
          return { kind, flags, id, content: length > LIMIT ? length : Buffer.from(payload).toString('hex') };
        });
        for (const pieces of [cut(bytes, cuts), [bytes], Array.from(bytes, (byte) => Buffer.from([byte]))]) {
          const { seen, broken, reader } = read(pieces);
          expect(seen).toEqual(expected);
          expect(broken).toEqual([]);
          expect(reader.partial).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('never throws and never reads past what arrived, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.array(fc.nat(), { maxLength: 20 }), (garbage, cuts) => {
        const bytes = Buffer.from(garbage);
        const whole = read([bytes]);
        const pieces = read(cut(bytes, cuts));
        expect(pieces.seen).toEqual(whole.seen);
        expect(pieces.broken).toEqual(whole.broken);
        const total = whole.seen.reduce(
          (sum, { content }) => sum + (typeof content === 'string' ? content.length / 2 : 0),
          0,
        );
        expect(total).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 500 },
    );
  });

  test('takes as much memory as has arrived, not as was announced', () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 200 }, () => read([u32(64 * 1024 * 1024), Buffer.alloc(100)], 2 ** 31).reader);
    const grown = process.memoryUsage().arrayBuffers - before;
    expect(readers.every((reader) => reader.partial)).toBe(true);
    // 64 KiB each is what a reader takes at once, 64 MiB is what each was promised.
    expect(grown).toBeLessThan(32 * 1024 * 1024);
  });

  test('keeps nothing of a frame over its limit', () => {
    const before = process.memoryUsage().arrayBuffers;
    const { reader, seen } = read([frame(1, 1, Buffer.alloc(0)), u32(2 ** 31), Buffer.alloc(6)]);
    const piece = Buffer.alloc(1024 * 1024);
    for (let count = 0; count < 100; count++) reader.read(piece);
    expect(seen.map(({ content }) => content)).toEqual(['', 2 ** 31]);
    expect(reader.partial).toBe(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
  });
});
