import type { Store } from '@micro/core';

/** Reads a record that was written as JSON; `undefined` when there is none. */
export async function readJson<T>(store: Store, key: string, signal?: AbortSignal): Promise<T | undefined> {
  const [record] = await store.read(key, { signal });
  return record === undefined ? undefined : (JSON.parse(Buffer.from(record.value).toString()) as T);
}

/** Writes a record as JSON. */
export async function writeJson(store: Store, key: string, value: unknown, signal?: AbortSignal): Promise<void> {
  await store.write({ key, value: Buffer.from(JSON.stringify(value)) }, { signal });
}
