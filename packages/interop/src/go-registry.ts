import { startAskedProcess } from './asked-process.ts';

/** A Go process that asks and changes a registry. Records are as go-micro writes them, nil maps and slices as `null`. */
export interface GoRegistry {
  readonly pid: number;
  get(name: string): Promise<unknown>;
  list(): Promise<unknown>;
  register(service: unknown): Promise<void>;
  deregister(service: unknown): Promise<void>;
  /** Calls back with every event from now on; resolves when the watch stands. */
  watch(onEvent: (event: unknown) => void): Promise<void>;
  stderr(): string;
  /** Ends it without a goodbye. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a Go process around go-micro's registry of that name. Default `mdns`. */
export async function startGoRegistry(options: {
  readonly binary: string;
  readonly prefix?: readonly string[];
  readonly registry?: 'memory' | 'mdns';
}): Promise<GoRegistry> {
  const { binary, prefix = [], registry = 'mdns' } = options;
  const process = await startAskedProcess('the Go registry', [...prefix, binary, 'registry', '--registry', registry]);
  const { ask, pid, stderr, kill, close } = process;
  return {
    pid,
    stderr,
    kill,
    close,
    get: (name) => ask({ command: 'get', name }),
    list: () => ask({ command: 'list' }),
    async register(service) {
      await ask({ command: 'register', service });
    },
    async deregister(service) {
      await ask({ command: 'deregister', service });
    },
    async watch(onEvent) {
      await ask({ command: 'watch' }, onEvent);
    },
  };
}
