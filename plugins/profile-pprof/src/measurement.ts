import { MicroError } from '@micro/core';
import { collectGarbage } from './collect-garbage.ts';
import { openDoor } from './door.ts';
import { encodeStacks } from './encode-stacks.ts';
import type { Settings } from './options.ts';
import { pprofError } from './pprof-error.ts';
import { probe, writeProfile } from './profile-files.ts';
import { loadProfilers, type Recording } from './profilers.ts';
import { sourcePositions } from './source-positions.ts';
import type { Stacks } from './stacks.ts';

/** A measurement that goes on. */
export interface Measurement {
  /** Where live profiles are asked for; `undefined` where there is no door. */
  readonly address: string | undefined;
  /** Ends it, and writes what was found. */
  end(): Promise<void>;
}

/** What is measured for the files. */
interface Recordings {
  readonly cpu: Recording | undefined;
  readonly heap: Recording | undefined;
}

/** Makes the bytes that `go tool pprof` reads. */
type Encode = (stacks: Stacks) => Promise<Buffer>;

/** V8 keeps what it records until it is taken: that is done this often, even when nothing is written. */
const TAKE_MS = 60_000;

/** Begins to measure. When any of it cannot be, nothing is left behind. */
export async function measure(settings: Settings): Promise<Measurement> {
  const { files, write, cpuIntervalMs, heapIntervalBytes, flushMs } = settings;
  const profilers = await loadProfilers();
  const encode = encoder(settings);
  const undo: (() => void)[] = [];
  const begin = (recording: Recording): Recording => {
    undo.push(recording.drop);
    return recording;
  };
  const undoAll = (): void => {
    for (const each of undo.splice(0)) each();
  };
  try {
    if (write) {
      // The two files of a name belong together.
      undo.push(profilers.claim(files.cpu));
      await probe(files);
    }
    const heap = heapIntervalBytes > 0 ? begin(profilers.recordHeap(heapIntervalBytes)) : undefined;
    const cpu = write && cpuIntervalMs > 0 ? begin(profilers.recordCpu(cpuIntervalMs)) : undefined;
    const recordCpu = cpuIntervalMs > 0 ? () => profilers.recordCpu(cpuIntervalMs) : undefined;
    const door = await open(settings, { encode, recordCpu, heap });
    const stopFlushing = !write
      ? async () => {}
      : flushMs === 0
        ? every(TAKE_MS, async () => void cpu?.read())
        : every(flushMs, flusher(settings, { cpu, heap }, encode));

    return {
      address: door?.address,
      async end() {
        await door?.close();
        await stopFlushing();
        try {
          if (!write) return;
          // The stacks first, so that collecting garbage for the other file is not in them.
          const take = [async () => cpu?.end(), async () => heap && collectGarbage().then(() => heap.end())] as const;
          await writeBoth(settings, take, encode);
          const { logger } = settings;
          logger?.log('info', 'profiles are written', { cpu: cpu && files.cpu, mem: heap && files.mem });
        } finally {
          undoAll();
        }
      },
    };
  } catch (error) {
    undoAll();
    throw error;
  }
}

async function open(
  { address, maxLiveMs, logger }: Settings,
  {
    encode,
    recordCpu,
    heap,
  }: {
    readonly encode: Encode;
    readonly recordCpu: (() => Recording) | undefined;
    readonly heap: Recording | undefined;
  },
) {
  if (address === undefined) return undefined;
  const readHeap =
    heap &&
    (async (collect: boolean): Promise<Stacks> => {
      if (collect) await collectGarbage();
      return heap.read();
    });
  const door = await openDoor({ address, maxLiveMs, recordCpu, readHeap, encode });
  const url = `http://${door.address}/debug/pprof/`;
  if (door.isLocal) logger?.log('info', 'live profiles can be asked for', { url });
  else logger?.log('warn', 'live profiles can be asked for by whoever reaches this address', { url });
  return door;
}

/** Writes what there is so far. Tells the log once that it cannot be written, and once that it can be again. */
function flusher(settings: Settings, { cpu, heap }: Recordings, encode: Encode): () => Promise<void> {
  const { files, logger } = settings;
  let isFailing = false;
  return async () => {
    try {
      await writeBoth(settings, [async () => cpu?.read(), async () => heap?.read()], encode);
      if (isFailing) logger?.log('info', 'profiles can be written again', { folder: files.folder });
      isFailing = false;
    } catch (error) {
      if (!isFailing) logger?.log('warn', 'profiles cannot be written', { folder: files.folder, error });
      isFailing = true;
    }
  };
}

type Take = () => Promise<Stacks | undefined>;

/** Writes both files; each is tried, whatever became of the other. */
async function writeBoth({ files }: Settings, [cpu, mem]: readonly [Take, Take], encode: Encode): Promise<void> {
  const write = async (file: string, take: Take): Promise<void> => {
    const stacks = await take();
    if (stacks !== undefined) await writeProfile(file, await encode(stacks));
  };
  const written = await Promise.allSettled([write(files.cpu, cpu), write(files.mem, mem)]);
  const failures = written.flatMap((one) => (one.status === 'rejected' ? [MicroError.from(one.reason)] : []));
  const [first, second] = failures;
  if (first === undefined) return;
  if (second === undefined) throw first;
  throw pprofError(first.code, `${first.detail}; ${second.detail}`, new AggregateError(failures));
}

/** Does something now and then, never twice at once. What it returns ends that, and waits for what goes on. */
function every(ms: number, work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= work()
      .catch(() => {})
      .finally(() => {
        running = undefined;
      });
  }, ms);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await running;
  };
}

function encoder({ sourceMaps, logger }: Settings): Encode {
  if (!sourceMaps) return (stacks) => encodeStacks(stacks);
  const positions = sourcePositions((file, reason) => {
    logger?.log('debug', 'a source map cannot be used', { file, reason });
  });
  return async (stacks) => encodeStacks(stacks, await positions.resolve(stacks.frames));
}
