import { startAskedProcess } from './asked-process.ts';

/** A record as go-micro's store shows it. */
export interface GoStoreRecord {
  readonly key: string;
  readonly value: Buffer;
  /** How long it will live, in nanoseconds; -1 for ever. */
  readonly expiryNs: number;
}

/** Which records are read: those that begin or end with the key, or the one that has it. */
export interface GoReadOptions {
  readonly by?: 'prefix' | 'suffix';
  readonly table?: string;
  readonly limit?: number;
  readonly offset?: number;
}

/** What can be asked of a Go store. */
export interface GoStoreCommands {
  read(key: string, options?: GoReadOptions): Promise<readonly GoStoreRecord[]>;
  write(
    key: string,
    value: Uint8Array,
    options?: { readonly expiryMs?: number; readonly table?: string },
  ): Promise<void>;
  delete(key: string): Promise<void>;
  list(options?: {
    readonly prefix?: string;
    readonly suffix?: string;
    readonly limit?: number;
    readonly offset?: number;
  }): Promise<readonly string[]>;
}

/** A Go process around go-micro's redis store. */
export interface GoStore extends GoStoreCommands {
  close(): Promise<void>;
}

/** Starts a Go process around go-micro's redis store at these URLs. Table: its own default, `micro`. */
export async function startGoStore(options: {
  readonly binary: string;
  readonly urls: readonly string[];
  readonly table?: string;
}): Promise<GoStore> {
  const { binary, urls, table = '' } = options;
  const flags = [`--nodes=${urls.join()}`, `--table=${table}`];
  const { ask, close } = await startAskedProcess('the Go store', [binary, 'store', ...flags]);
  return { ...storeCommands(ask), close };
}

/** The commands of a store, over `ask`. */
export function storeCommands(ask: (command: object) => Promise<unknown>): GoStoreCommands {
  return {
    async read(key, options = {}) {
      const records = await ask({ command: 'read', key, ...options });
      return (records as { key: string; value: string | null; expiryNs: number }[]).map(({ value, ...rest }) => ({
        ...rest,
        value: Buffer.from(value ?? '', 'base64'),
      }));
    },
    async write(key, value, options = {}) {
      await ask({ command: 'write', key, value: Buffer.from(value).toString('base64'), ...options });
    },
    async delete(key) {
      await ask({ command: 'delete', key });
    },
    list: async (options = {}) => ((await ask({ command: 'list', ...options })) ?? []) as readonly string[],
  };
}
