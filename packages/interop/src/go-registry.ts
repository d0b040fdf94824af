import { startAskedProcess } from './asked-process.ts';

/** A Go process that asks and changes a registry. Records are as go-micro writes them, nil maps and slices as `null`. */
export interface GoRegistry {
  readonly pid: number;
  get(name: string): Promise<unknown>;
  list(): Promise<unknown>;
  /** Registers for so long, which go-micro's etcd registry cannot do without; `undefined` says nothing about the time. */
  register(service: unknown, ttlMs?: number): Promise<void>;
  deregister(service: unknown): Promise<void>;
  /** Calls back with every event from now on, of one service or of all; resolves when go-micro has begun to watch. */
  watch(onEvent: (event: unknown) => void, name?: string): Promise<void>;
  stderr(): string;
  /** Ends it without a goodbye. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a Go process around go-micro's registry of that name. Default `mdns`. */
export async function startGoRegistry(options: {
  readonly binary: string;
  readonly prefix?: readonly string[];
  readonly registry?: 'memory' | 'mdns' | 'etcd';
  /** `host:port` of etcd, several with commas. */
  readonly registryAddress?: string;
}): Promise<GoRegistry> {
  const { binary, prefix = [], registry = 'mdns', registryAddress = '' } = options;
  const flags = [`--registry=${registry}`, `--registry-address=${registryAddress}`];
  const process = await startAskedProcess('the Go registry', [...prefix, binary, 'registry', ...flags]);
  const { ask, pid, stderr, kill, close } = process;
  return {
    pid,
    stderr,
    kill,
    close,
    get: (name) => ask({ command: 'get', name }),
    list: () => ask({ command: 'list' }),
    async register(service, ttlMs = 0) {
      await ask({ command: 'register', service, ttlMs });
    },
    async deregister(service) {
      await ask({ command: 'deregister', service });
    },
    async watch(onEvent, name = '') {
      await ask({ command: 'watch', name }, onEvent);
    },
  };
}
