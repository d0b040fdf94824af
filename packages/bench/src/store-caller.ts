import type { Caller, StoreUser } from './peer.ts';
import { type Body, bodies, type StoreWork } from './work.ts';

/** Reads and writes go round these. */
const KEYS = 10_000;
/** A list is of so many. */
const LISTED_KEYS = 100_000;
/** Records that are written together, to begin with. */
const BATCH = 1_000;

/** The store works as calls: each writes one record, reads one, or lists all keys. What is read is there before. */
export async function storeCaller(user: StoreUser, work: StoreWork): Promise<Caller> {
  if (work !== 'store-write') await fill(user, work === 'store-list' ? LISTED_KEYS : KEYS);
  const calls: Record<StoreWork, (body: Body) => Promise<Body>> = {
    async 'store-write'(body) {
      await user.write(keyOf(body.id % KEYS), encode(body));
      return body;
    },
    async 'store-read'(body) {
      const value = await user.read(keyOf(body.id % KEYS));
      if (value === undefined) throw new Error(`the record of message ${body.id} is not there`);
      const record: Body = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString());
      // What was written before has the number of its key.
      return { ...record, id: record.id % KEYS === body.id % KEYS ? body.id : record.id };
    },
    async 'store-list'(body) {
      const keys = await user.list();
      const isWhole = keys.length === LISTED_KEYS && keys[0] === keyOf(0) && keys.at(-1) === keyOf(LISTED_KEYS - 1);
      if (!isWhole) throw new Error(`a list has ${keys.length} keys, from ${keys[0]} to ${keys.at(-1)}`);
      return body;
    },
  };
  return { call: calls[work], stream: () => Promise.reject(new Error('a store has no streams')), close: user.close };
}

async function fill(user: StoreUser, count: number): Promise<void> {
  const next = bodies('store-write');
  for (let at = 0; at < count; at += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - at) }, (_, index) => {
      const body = next();
      return user.write(keyOf(at + index), encode({ ...body, id: at + index }));
    });
    await Promise.all(batch);
  }
}

function keyOf(number: number): string {
  return `record/${String(number).padStart(6, '0')}`;
}

function encode(body: Body): Buffer {
  return Buffer.from(JSON.stringify(body));
}
