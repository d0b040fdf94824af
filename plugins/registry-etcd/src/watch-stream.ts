import type { IDuplexStream, IEvent, IWatchRequest, IWatchResponse } from 'etcd3';
import type { KeyRange } from './record-keys.ts';

/** What is watched. */
export interface WatchRange extends Partial<Pick<KeyRange, 'rangeEnd'>> {
  readonly key: Buffer;
  /** Default: changes, too. */
  readonly onlyDeletes?: boolean | undefined;
}

/** Told what one watch sees. */
export interface WatchListener {
  /** The watch is at work. */
  created(): void;
  /** `complete`: all of the last revision among them was told. */
  events(events: readonly IEvent[], complete: boolean): void;
  /** The server ended this watch alone: what it asked for was compacted, or it fell behind. */
  lost(): void;
}

/** The watches of one gRPC stream. */
export interface WatchStream {
  readonly over: boolean;
  /** Begins a watch with the changes of that revision. Returns what ends it. */
  create(range: WatchRange, startRevision: number, listener: WatchListener): () => void;
  /** Ends all of them. `onEnd` is told the reason, once. */
  end(reason: Error): void;
}

export interface WatchStreamOptions {
  readonly stream: IDuplexStream<IWatchRequest, IWatchResponse>;
  /** After so long a silence the server is asked whether it is there. */
  readonly idleMs: number;
  /** How long it may take to say so, and to begin a watch. */
  readonly patienceMs: number;
  readonly onEnd: (reason: Error) => void;
}

/** What a response that belongs to no watch has for an id. */
const NO_WATCH = '-1';

/**
 * Speaks etcd's watch protocol on a stream that is open. A server that keeps the connection and says nothing any more is
 * noticed: it has to answer the question for its progress. So is one that stays behind the revision that a watch begins
 * with: it may have to catch up with the others, and if it does not, it has other data and would say nothing for long.
 */
export function watchStream({ stream, idleMs, patienceMs, onEnd }: WatchStreamOptions): WatchStream {
  const watches = new Map<string, WatchListener>();
  let ids = 0;
  let over = false;
  let heardAt = performance.now();
  /** Since when an answer is owed. */
  let waitingSince: number | undefined;
  let creating = 0;
  /** How far the server is, how far it has to be, and since when. */
  let reached = 0;
  let needed = 0;
  let neededSince = 0;

  const end = (reason: Error): void => {
    if (over) return;
    over = true;
    clearInterval(timer);
    watches.clear();
    stream.cancel();
    onEnd(reason);
  };

  const look = (): void => {
    const time = performance.now();
    if (waitingSince !== undefined) {
      if (time - waitingSince > patienceMs) end(new Error(`14 UNAVAILABLE: silent for ${patienceMs} ms`));
      return;
    }
    const isBehind = reached < needed;
    if (isBehind && time - neededSince > patienceMs) {
      end(new Error(`the server stays at revision ${reached}, behind ${needed}`));
    } else if (isBehind || time - heardAt > idleMs) askForProgress(time);
  };

  const askForProgress = (time: number): void => {
    waitingSince = time;
    stream.write({ progress_request: {} });
  };
  const timer = setInterval(look, Math.max(10, Math.min(1_000, idleMs / 2, patienceMs / 2)));
  timer.unref();

  const hear = (response: IWatchResponse): void => {
    if (over) return;
    heardAt = performance.now();
    reached = Math.max(reached, Number(response.header.revision));
    if (response.created) creating--;
    waitingSince = creating > 0 ? heardAt : undefined;
    const watch = watches.get(response.watch_id);
    if (response.canceled) {
      watches.delete(response.watch_id);
      // Refused from the start: the token of this stream is no longer taken, or etcd does not know our ids.
      if (response.created || response.watch_id === NO_WATCH)
        end(new Error(`a watch was refused: ${reasonIn(response)}`));
      else watch?.lost();
      return;
    }
    if (response.created) watch?.created();
    if (response.events.length > 0) watch?.events(response.events, !response.fragment);
  };

  stream.on('data', hear);
  stream.on('error', end);
  stream.on('end', () => end(new Error('14 UNAVAILABLE: the watch stream ended')));

  return {
    get over() {
      return over;
    },
    create({ key, rangeEnd, onlyDeletes = false }, startRevision, listener) {
      const id = String(++ids);
      watches.set(id, listener);
      creating++;
      waitingSince ??= performance.now();
      if (startRevision - 1 > needed) {
        needed = startRevision - 1;
        neededSince = performance.now();
      }
      stream.write({
        create_request: {
          key,
          ...(rangeEnd === undefined ? {} : { range_end: rangeEnd }),
          start_revision: startRevision,
          watch_id: id,
          // Many large events in one answer come in pieces that a client takes.
          fragment: true,
          filters: onlyDeletes ? ['Noput'] : [],
        },
      });
      return () => {
        if (watches.delete(id) && !over) stream.write({ cancel_request: { watch_id: id } });
      };
    },
    end,
  };
}

function reasonIn({ cancel_reason: reason }: IWatchResponse): string {
  return reason === '' ? 'no reason was given' : reason;
}
