import { onAbort } from '@micro/core';
import type { RedisCommands } from './client-types.ts';
import type { RedisLink } from './link-types.ts';
import type { RedisValue, RedisValues } from './redis-values.ts';
import { HIDDEN, readMany, readOne, type ValueWrite, writeMany, writeOne } from './value-commands.ts';

/** How many keys go together. More would hold up other clients of the server, and gain nothing. */
const BATCH_KEYS = 128;
/** How many bytes go together. A larger value goes alone. */
const BATCH_BYTES = 256 * 1024;
/** About what a value takes beside its key and itself. */
const ITEM_BYTES = 128;

type Outcome = RedisValue | undefined | typeof HIDDEN;

/** One value of a batch, and who waits for it. */
interface Item extends ValueWrite {
  readonly resolve: (value: RedisValue | undefined | Promise<RedisValue | undefined>) => void;
  readonly reject: (error: unknown) => void;
  isCancelled: boolean;
}

/** What is done to the values of a batch. */
interface Kind {
  readonly verb: string;
  /** The outcomes of the items, in their order; none when there is nothing to tell. */
  run(redis: RedisCommands, items: readonly Item[]): Promise<readonly Outcome[]>;
}

const READ: Kind = {
  verb: 'reading',
  async run(redis, items) {
    const [first] = items;
    if (items.length === 1 && first !== undefined) return [await readOne(redis, first.key)];
    return readMany(
      redis,
      items.map(({ key }) => key),
    );
  },
};

const WRITE: Kind = {
  verb: 'writing',
  async run(redis, items) {
    const [first] = items;
    await (items.length === 1 && first !== undefined ? writeOne(redis, first) : writeMany(redis, items));
    return [];
  },
};

const REMOVE: Kind = {
  verb: 'deleting',
  async run(redis, items) {
    await redis.call('del', ...items.map(({ key }) => key));
    return [];
  },
};

/**
 * The values of one tick together: one command for many keys is several times as fast as one for each. Only what is done
 * alike goes together, so what was begun after something else comes after it.
 */
export function batchedValues(link: RedisLink): RedisValues {
  let open: { readonly kind: Kind; readonly items: Item[]; bytes: number } | undefined;
  let isPlanned = false;

  const send = (): void => {
    if (open === undefined) return;
    const { kind, items, bytes } = open;
    open = undefined;
    let sent: readonly Item[] = items;
    const run = (redis: RedisCommands): Promise<readonly Outcome[]> => {
      // It may have waited for the server, and some of its callers have not.
      if (sent.some(({ isCancelled }) => isCancelled)) sent = sent.filter(({ isCancelled }) => !isCancelled);
      return sent.length === 0 ? Promise.resolve([]) : kind.run(redis, sent);
    };
    const call = { verb: kind.verb, key: items[0]?.key, others: items.length - 1, bytes, run };
    link.call(call).then(
      (outcomes) => {
        for (const [at, { key, resolve }] of sent.entries()) {
          const outcome = outcomes[at];
          // By itself, it says what it is.
          resolve(outcome === HIDDEN ? readAlone(key) : outcome);
        }
      },
      (error: unknown) => {
        for (const { reject } of items) reject(error);
      },
    );
  };

  const readAlone = (key: string): Promise<RedisValue | undefined> =>
    link.call({ verb: READ.verb, key, bytes: key.length, run: (redis) => readOne(redis, key) });

  const endOfTick = (): void => {
    isPlanned = false;
    send();
  };

  const add = (kind: Kind, write: ValueWrite, signal: AbortSignal | undefined): Promise<RedisValue | undefined> => {
    if (signal?.aborted === true) {
      return Promise.reject(link.cancelled({ verb: kind.verb, key: write.key }, signal.reason));
    }
    const bytes = ITEM_BYTES + write.key.length + write.value.length;
    if (open !== undefined && (open.kind !== kind || open.bytes + bytes > BATCH_BYTES)) send();
    open ??= { kind, items: [], bytes: 0 };
    open.bytes += bytes;
    const { items } = open;
    const outcome = new Promise<RedisValue | undefined>((resolve, reject) => {
      const { key, value, ttlMs } = write;
      const item: Item = { key, value, ttlMs, resolve, reject, isCancelled: false };
      items.push(item);
      if (signal !== undefined) cancellable(item, kind, signal);
    });
    if (items.length >= BATCH_KEYS) send();
    if (!isPlanned) {
      isPlanned = true;
      process.nextTick(endOfTick);
    }
    return outcome;
  };

  const cancellable = (item: Item, { verb }: Kind, signal: AbortSignal): void => {
    const { key, resolve, reject } = item;
    const detach = onAbort(signal, () => {
      item.isCancelled = true;
      reject(link.cancelled({ verb, key }, signal.reason));
    });
    Object.assign(item, {
      resolve: (value: RedisValue | undefined) => {
        detach();
        resolve(value);
      },
      reject: (error: unknown) => {
        detach();
        reject(error);
      },
    });
  };

  return {
    read: (key, signal) => add(READ, { key, value: '', ttlMs: 0 }, signal),
    write: (key, value, { ttlMs, signal }) => add(WRITE, { key, value, ttlMs }, signal) as Promise<undefined>,
    remove: (key, signal) => add(REMOVE, { key, value: '', ttlMs: 0 }, signal) as Promise<undefined>,
  };
}
