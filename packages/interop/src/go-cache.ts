import { startAskedProcess } from './asked-process.ts';

/** Which Go type a value is put as. */
export type GoType = 'string' | 'bytes' | 'int' | 'float' | 'bool' | 'nil' | 'time' | 'struct';

/** What go-micro's cache finds: always bytes. */
export interface GoEntry {
  readonly value: Buffer;
  /** In milliseconds since the epoch, as go-micro works it out of the whole seconds that are left. */
  readonly expiresAt: number;
  /** Whether it lives for ever; `expiresAt` means nothing then. */
  readonly never: boolean;
}

/** A Go process around go-micro's redis cache. */
export interface GoCache {
  /** Puts a value: JSON, or base64 for bytes. No end without `ttlMs`. */
  put(key: string, as: GoType, value: unknown, ttlMs?: number): Promise<void>;
  get(key: string): Promise<GoEntry>;
  delete(key: string): Promise<void>;
  close(): Promise<void>;
}

/** Starts a Go process around go-micro's redis cache at this URL. */
export async function startGoCache(options: { readonly binary: string; readonly url: string }): Promise<GoCache> {
  const { binary, url } = options;
  const { ask, close } = await startAskedProcess('the Go cache', [binary, 'cache', `--address=${url}`]);
  return {
    close,
    async put(key, as, value, ttlMs = 0) {
      await ask({ command: 'put', key, as, value, ttlMs });
    },
    async get(key) {
      const entry = (await ask({ command: 'get', key })) as { value: string; expiresAt: number; never: boolean };
      return { ...entry, value: Buffer.from(entry.value, 'base64') };
    },
    async delete(key) {
      await ask({ command: 'delete', key });
    },
  };
}
