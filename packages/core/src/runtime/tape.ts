import { CODE } from '../error/code.ts';
import { runtimeError } from './runtime-error.ts';

/** How much a tape keeps. */
export interface TapeOptions<T> {
  /** In whatever `sizeOf` counts. The newest item is always kept. */
  readonly limit: number;
  readonly sizeOf: (item: T) => number;
}

/** How a tape is read. */
export interface TapeReadOptions<T, U> {
  /** Begin with so many of the last items, at most; `Infinity` for all that is kept. */
  readonly last: number;
  /** Go on with what is pushed from now on. */
  readonly follow: boolean;
  /** What the reader gets of an item; `undefined` leaves it out. */
  readonly pick: (item: T) => U | undefined;
  /**
   * A reader that is overtaken, because what it did not read is not kept any longer, goes on with the oldest item that is, or
   * fails with 429.
   */
  readonly overtaken: 'skip' | 'fail';
  /** Ends reading. */
  readonly signal?: AbortSignal | undefined;
}

/** What happened, as far as it is kept, and what happens next. */
export interface Tape<T> {
  push(item: T): void;
  /** Begins to read now, not when the first item is taken. */
  read<U>(options: TapeReadOptions<T, U>): AsyncIterableIterator<U>;
  /** Whoever reads gets what is left, and then the end. */
  end(): void;
}

/** How much of the list may be taken up by what is dropped already. */
const MOST_DROPPED = 1_024;

/** Makes an empty tape. One copy of the items serves all readers, so that a slow one costs no memory. */
export function createTape<T>({ limit, sizeOf }: TapeOptions<T>): Tape<T> {
  let items: T[] = [];
  /** Where the kept ones begin in `items`, and how many were dropped in all. */
  let start = 0;
  let dropped = 0;
  let size = 0;
  const readers = new Set<{ wake(): void; end(): void }>();

  const drop = (): void => {
    while (size > limit && start < items.length - 1) {
      size -= sizeOf(items[start] as T);
      start++;
      dropped++;
    }
    if (start > MOST_DROPPED && start > items.length / 2) {
      items = items.slice(start);
      start = 0;
    }
  };

  const read = <U>(options: TapeReadOptions<T, U>): AsyncIterableIterator<U> => {
    const { last, follow, pick, overtaken, signal } = options;
    const kept = items.length - start;
    /** The number of the next item, counted from the first that was ever pushed. */
    let next = dropped + Math.max(0, kept - last);
    let isFollowing = follow;
    let isOver = false;
    const takers: { resolve(result: IteratorResult<U>): void; reject(error: Error): void }[] = [];

    const finish = (): void => {
      if (isOver) return;
      isOver = true;
      readers.delete(reader);
      signal?.removeEventListener('abort', finish);
      for (const { resolve } of takers.splice(0)) resolve({ done: true, value: undefined });
    };

    /** The next item, or `undefined` when it is not there yet. */
    const take = (): IteratorResult<U> | undefined => {
      if (isOver) return { done: true, value: undefined };
      if (next < dropped) {
        const missed = dropped - next;
        next = dropped;
        if (overtaken === 'fail') {
          const detail = `a watch fell behind and missed ${missed} events; take events faster, or read anew`;
          throw runtimeError(CODE.tooManyRequests, detail);
        }
      }
      while (next < dropped + items.length - start) {
        const value = pick(items[start + next - dropped] as T);
        next++;
        if (value !== undefined) return { done: false, value };
      }
      if (isFollowing) return undefined;
      finish();
      return { done: true, value: undefined };
    };

    const wake = (): void => {
      while (takers.length > 0) {
        const result = take();
        if (result === undefined) return;
        takers.shift()?.resolve(result);
      }
    };

    const reader = {
      wake,
      end(): void {
        isFollowing = false;
        readers.delete(reader);
        wake();
      },
    };
    if (signal?.aborted === true) isOver = true;
    else if (follow) {
      readers.add(reader);
      signal?.addEventListener('abort', finish, { once: true });
    }

    const iterator: AsyncIterableIterator<U> = {
      next() {
        try {
          const result = takers.length > 0 ? undefined : take();
          if (result !== undefined) return Promise.resolve(result);
        } catch (error) {
          finish();
          return Promise.reject(error);
        }
        return new Promise((resolve, reject) => takers.push({ resolve, reject }));
      },
      return() {
        finish();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  };

  return {
    push(item) {
      items.push(item);
      size += sizeOf(item);
      // Before anything is dropped, so that whoever waits is never overtaken.
      for (const { wake } of [...readers]) wake();
      drop();
    },
    read,
    end() {
      for (const { end } of [...readers]) end();
    },
  };
}
