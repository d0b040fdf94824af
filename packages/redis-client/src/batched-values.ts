import { CODE, MicroError } from '@micro/core';
import { onAbort } from '@micro/core/plugin';
import type { RedisCommands } from './client-types.ts';
import type { RedisLink } from './link-types.ts';
import { HIDDEN, readMany, readOne, type ValueWrite, writeMany, writeOne } from './value-commands.ts';
import type { RedisValue, RedisValues } from './value-types.ts';

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
  /** Its outcome, where there is something to tell. */
  one(redis: RedisCommands, item: Item): Promise<Outcome>;
  /** The outcomes of the items, in their order; none when there is nothing to tell. */
  many(redis: RedisCommands, items: readonly Item[]): Promise<readonly Outcome[]>;
}

const READ: Kind = {
  verb: 'reading',
  one: (redis, { key }) => readOne(redis, key),
  many: (redis, items) =>
    readMany(
      redis,
      items.map(({ key }) => key),
    ),
};

const WRITE: Kind = {
  verb: 'writing',
  async one(redis, item) {
    await writeOne(redis, item);
    return undefined;
  },
  async many(redis, items) {
    await writeMany(redis, items);
    return [];
  },
};

const REMOVE: Kind = {
  verb: 'deleting',
  async one(redis, { key }) {
    await redis.call('del', key);
    return undefined;
  },
  async many(redis, items) {
    await redis.call('del', ...items.map(({ key }) => key));
    return [];
  },
};

/**
 * The values of one tick together: one command for many keys is several times as fast as one for each. Only what is done
 * alike goes together, so what was begun after something else comes after it.
 *
 * A server that does not allow this client one of the keys refuses all of them. From the first time on each key is a command
 * of its own, so that nobody pays for what others ask for.
 */
export function batchedValues(link: RedisLink): RedisValues {
  let open: { readonly kind: Kind; readonly items: Item[]; bytes: number } | undefined;
  let isPlanned = false;
  let mostKeys = BATCH_KEYS;

  const send = (): void => {
    if (open === undefined) return;
    const { kind, items, bytes } = open;
    open = undefined;
    let sent: readonly Item[] = items;
    const run = (redis: RedisCommands): Promise<readonly Outcome[]> => {
      // It may have waited for the server, and some of its callers have not.
      if (sent.some(({ isCancelled }) => isCancelled)) sent = sent.filter(({ isCancelled }) => !isCancelled);
      const [first] = sent;
      if (first === undefined) return Promise.resolve([]);
      return sent.length === 1 ? kind.one(redis, first).then((outcome) => [outcome]) : kind.many(redis, sent);
    };
    const call = { verb: kind.verb, key: items[0]?.key, others: items.length - 1, bytes, run };
    link.call(call).then(
      (outcomes) => {
        for (const [at, item] of sent.entries()) {
          const outcome = outcomes[at];
          // By itself, it says what it is.
          item.resolve(outcome === HIDDEN ? readAlone(item) : outcome);
        }
      },
      (error: unknown) => {
        const isOfOneKey = sent.length > 1 && error instanceof MicroError && error.code === CODE.forbidden;
        if (isOfOneKey) mostKeys = 1;
        // A write would come after those that were begun meanwhile.
        if (isOfOneKey && kind === READ) for (const item of sent) item.resolve(readAlone(item));
        else for (const { reject } of items) reject(error);
      },
    );
  };

  const readAlone = ({ key }: Item): Promise<RedisValue | undefined> =>
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
    if (items.length >= mostKeys) send();
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
