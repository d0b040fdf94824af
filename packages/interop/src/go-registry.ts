import type { Line } from './line-process.ts';
import { startLineProcess } from './line-process.ts';

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
  close(): Promise<void>;
}

/** Starts a Go process around go-micro's registry of that name. Default `mdns`. */
export async function startGoRegistry(options: {
  readonly binary: string;
  readonly prefix?: readonly string[];
  readonly registry?: 'memory' | 'mdns';
}): Promise<GoRegistry> {
  const { binary, prefix = [], registry = 'mdns' } = options;
  const pending = new Map<string, { resolve(result: unknown): void; reject(error: Error): void }>();
  const watches = new Map<string, (event: unknown) => void>();
  let ids = 0;
  let gone = false;

  const onLine = (line: Line): void => {
    const id = String(line.id);
    if (line.done !== true) {
      watches.get(id)?.(line.event);
      return;
    }
    const question = pending.get(id);
    pending.delete(id);
    const error = line.error as { readonly text: string } | undefined;
    if (error === undefined) question?.resolve(line.result);
    else question?.reject(new Error(error.text));
  };
  const process = await startLineProcess([...prefix, binary, 'registry', '--registry', registry], onLine);
  void process.exited.then(() => {
    gone = true;
    for (const question of pending.values()) question.reject(new Error(`it exited: ${process.stderr()}`));
    pending.clear();
  });
  const ask = (command: object, onEvent?: (event: unknown) => void): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (gone) return reject(new Error('the Go registry has exited'));
      const id = String(ids++);
      pending.set(id, { resolve, reject });
      if (onEvent !== undefined) watches.set(id, onEvent);
      process.write({ ...command, id });
    });
  return {
    pid: process.pid,
    stderr: process.stderr,
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
    close: () => process.close(),
  };
}
