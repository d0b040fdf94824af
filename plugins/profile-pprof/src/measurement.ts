import { MicroError, within } from '@micro/core';
import { collectGarbage } from './collect-garbage.ts';
import { type Door, openDoor } from './door.ts';
import { encodeStacks } from './encode-stacks.ts';
import type { Settings } from './options.ts';
import { probe, writeProfile } from './profile-files.ts';
import { loadProfilers, type Recording } from './profilers.ts';
import { type SourcePositions, sourcePositions } from './source-positions.ts';
import type { Stacks } from './stacks.ts';

/** A measurement that goes on. */
export interface Measurement {
  /** Where live profiles are asked for; `undefined` where there is no door. */
  readonly address: string | undefined;
  /** Ends it, and writes what was found. */
  end(): Promise<void>;
}

/** V8 keeps what it records until it is taken: that is done this often, even when nothing is written. */
const TAKE_MS = 60_000;

/** A file system may hang. */
const SOURCES_MS = 3_000;

/** Begins to measure. When any of it cannot be, nothing is left behind. */
export async function measure(settings: Settings): Promise<Measurement> {
  const { files, write, cpuIntervalMs, heapIntervalBytes, flushMs, logger } = settings;
  const profilers = await loadProfilers();
  if (write) await probe(files);

  const positions = settings.sourceMaps ? sourcePositions(logUnusable(settings)) : undefined;
  const undo: (() => unknown)[] = [];
  try {
    const heap = heapIntervalBytes > 0 ? profilers.recordHeap(heapIntervalBytes) : undefined;
    if (heap !== undefined) undo.push(() => heap.end());
    const cpu = write && cpuIntervalMs > 0 ? profilers.recordCpu(cpuIntervalMs) : undefined;
    if (cpu !== undefined) undo.push(() => cpu.end());
    const door = await open(settings, {
      recordCpu: cpuIntervalMs > 0 ? () => profilers.recordCpu(cpuIntervalMs) : undefined,
      heap,
      positions,
    });

    /** Writes what there is; each file is tried, whatever became of the other. */
    const writeAll = async (takeCpu: () => Stacks | undefined, takeHeap: () => Promise<Stacks | undefined>) => {
      const all = [
        [files.cpu, async () => takeCpu()],
        [files.mem, takeHeap],
      ] as const;
      const written = await Promise.allSettled(
        all.map(async ([file, take]) => {
          const stacks = await take();
          if (stacks !== undefined) await writeProfile(file, await encode(stacks, positions));
        }),
      );
      const failures = written.flatMap((one) => (one.status === 'rejected' ? [MicroError.from(one.reason)] : []));
      if (failures.length > 1) {
        throw new AggregateError(failures, failures.map(({ detail }) => detail).join('; '));
      }
      if (failures[0] !== undefined) throw failures[0];
    };

    let isFailing = false;
    let flushing = Promise.resolve();
    const flush = async (): Promise<void> => {
      try {
        if (flushMs === 0) cpu?.read();
        else
          await writeAll(
            () => cpu?.read(),
            async () => heap?.read(),
          );
        if (isFailing) logger?.log('info', 'profiles can be written again', { folder: files.folder });
        isFailing = false;
      } catch (error) {
        if (!isFailing) logger?.log('warn', 'profiles cannot be written', { folder: files.folder, error });
        isFailing = true;
      }
    };
    let isIdle = true;
    const timer = write
      ? setInterval(
          () => {
            // A file system that is slower than the interval gets no second write on top of the first.
            if (!isIdle) return;
            isIdle = false;
            flushing = flush().finally(() => {
              isIdle = true;
            });
          },
          flushMs === 0 ? TAKE_MS : flushMs,
        ).unref()
      : undefined;

    return {
      address: door?.address,
      async end() {
        clearInterval(timer);
        await door?.close();
        await flushing;
        try {
          if (write) {
            await writeAll(
              // First, so that collecting garbage for the other is not in it.
              () => cpu?.end(),
              async () => {
                if (heap === undefined) return undefined;
                await collectGarbage();
                return heap.end();
              },
            );
            logger?.log('info', 'profiles are written', { cpu: cpu && files.cpu, mem: heap && files.mem });
          }
        } finally {
          for (const each of undo) each();
        }
      },
    };
  } catch (error) {
    for (const each of undo) each();
    throw error;
  }
}

interface Parts {
  readonly recordCpu: (() => Recording) | undefined;
  readonly heap: Recording | undefined;
  readonly positions: SourcePositions | undefined;
}

async function open(
  { address, maxLiveMs, logger }: Settings,
  { recordCpu, heap, positions }: Parts,
): Promise<Door | undefined> {
  if (address === undefined) return undefined;
  const door = await openDoor({
    address,
    maxLiveMs,
    recordCpu,
    readHeap:
      heap &&
      (async (collect) => {
        if (collect) await collectGarbage();
        return encode(heap.read(), positions);
      }),
    encode: (recording) => encode(recording.end(), positions),
  });
  const url = `http://${door.address}/debug/pprof/`;
  if (door.isLocal) logger?.log('info', 'live profiles can be asked for', { url });
  else logger?.log('warn', 'live profiles can be asked for by whoever reaches this address', { url });
  return door;
}

async function encode(stacks: Stacks, positions: SourcePositions | undefined): Promise<Buffer> {
  if (positions === undefined) return encodeStacks(stacks);
  const frames = await within(SOURCES_MS, 'reading source maps', () => positions.resolve(stacks.frames)).catch(
    // A profile of what was compiled is better than none.
    () => undefined,
  );
  return encodeStacks(stacks, frames);
}

function logUnusable({ logger }: Settings): (file: string, reason: string) => void {
  return (file, reason) => logger?.log('debug', 'a source map cannot be used', { file, reason });
}
