import { CODE, MicroError } from '@micro/core';
import { fullJitterMs, onAbort, pause, within } from '@micro/core/plugin';
import type { IEvent, WatchClient } from 'etcd3';
import { errorOf } from './etcd-status.ts';
import { lane } from './lane.ts';
import { type WatchRange, type WatchStream, watchStream } from './watch-stream.ts';

/** Somebody who follows a range of keys. */
export interface Follower {
  readonly range: WatchRange;
  /**
   * Looks at the keys and returns the revision from which on changes are wanted. Called when a watch begins and whenever it
   * begins anew, since what happened in between was told to nobody. `undefined`: nothing is wanted any more.
   */
  prepare(): Promise<number | undefined>;
  /** Changes, in order. `complete`: the last revision among them was told as a whole. What it rejects with begins anew. */
  changed(events: readonly IEvent[], complete: boolean): Promise<void> | undefined;
  /** It may not follow these keys, and never will. */
  refused(error: MicroError): void;
}

/** One stream to etcd for all watches of a registry, for as long as there is one. */
export interface WatchHub {
  /** Begins at once, goes on through every failure, and ends with the function that it returns. */
  follow(follower: Follower): () => void;
}

export interface WatchHubOptions {
  readonly watchClient: WatchClient;
  /** Such as `etcd at 127.0.0.1:2379`. */
  readonly where: string;
  /** How long the server may take to begin a watch, and to say that it is there, in milliseconds. */
  readonly patienceMs: number;
  /** Ends all. */
  readonly closing: AbortSignal;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
/** After so long without a word the server is asked whether it is there. */
const IDLE_MS = 5_000;
/** How many followers look at their keys at a time. */
const LOOKS = 32;

/**
 * Keeps a watch stream open while somebody follows keys: opened anew with pauses that grow up to 2 s with full jitter,
 * to the next server when there are several, and each follower looks at its keys again before it goes on.
 */
export function watchHub({ watchClient, where, patienceMs, closing }: WatchHubOptions): WatchHub {
  const followers = new Map<Follower, { stop: (() => void) | undefined }>();
  const inLine = lane(LOOKS);
  let stream: WatchStream | undefined;
  let running = false;
  let failures = 0;

  const leave = (follower: Follower): void => {
    const entry = followers.get(follower);
    followers.delete(follower);
    entry?.stop?.();
    if (followers.size === 0) stream?.end(new Error('nobody watches any more'));
  };

  const refuse = (follower: Follower, error: MicroError): void => {
    leave(follower);
    follower.refused(error);
  };

  /** Begins the watch of one follower on a stream. Never throws. */
  const attach = async (follower: Follower, on: WatchStream): Promise<void> => {
    let start: number | undefined;
    try {
      start = await inLine(async () => (on.over || !followers.has(follower) ? undefined : follower.prepare()));
    } catch (error) {
      if (on.over || !followers.has(follower)) return;
      if (error instanceof MicroError && isFinal(error)) refuse(follower, error);
      else on.end(asError(error));
      return;
    }
    const entry = followers.get(follower);
    if (on.over || entry === undefined) return;
    if (start === undefined) {
      leave(follower);
      return;
    }
    entry.stop = on.create(follower.range, start, {
      created() {
        failures = 0;
      },
      events(events, complete) {
        follower.changed(events, complete)?.catch((error: unknown) => on.end(asError(error)));
      },
      lost() {
        entry.stop = undefined;
        void pause(fullJitterMs(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, ++failures), closing).then(() =>
          attach(follower, on),
        );
      },
    });
  };

  /** Lives as long as one stream. Never throws. */
  const session = async (): Promise<void> => {
    const opening = watchClient.watch();
    try {
      const opened = await within(patienceMs, 'opening a watch', () => opening, closing);
      await new Promise<void>((resolve) => {
        const own = watchStream({ stream: opened, idleMs: IDLE_MS, patienceMs, onEnd: () => resolve() });
        stream = own;
        for (const [follower, entry] of followers) {
          entry.stop = undefined;
          void attach(follower, own);
        }
      });
    } catch (error) {
      // It may still come, when nobody waits for it any more.
      opening.then(
        (late) => late.on('error', () => {}).cancel(),
        () => {},
      );
      const failure = errorOf(`watching ${where}`, error);
      if (isFinal(failure) && !closing.aborted) for (const follower of [...followers.keys()]) refuse(follower, failure);
    } finally {
      stream = undefined;
    }
  };

  const run = async (): Promise<void> => {
    while (followers.size > 0 && !closing.aborted) {
      await session();
      if (followers.size === 0) break;
      await pause(fullJitterMs(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, failures++), closing);
    }
    running = false;
  };

  onAbort(closing, () => stream?.end(asError(closing.reason)));

  return {
    follow(follower) {
      followers.set(follower, { stop: undefined });
      if (stream !== undefined) void attach(follower, stream);
      else if (!running) {
        running = true;
        void run();
      }
      return () => leave(follower);
    },
  };
}

/** Asking again would change nothing. */
function isFinal({ code }: MicroError): boolean {
  return code === CODE.unauthorized || code === CODE.forbidden || code === CODE.tooLarge;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
