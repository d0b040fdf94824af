import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CallOptions, CODE, initService, MicroError, type RetryPolicy, type Service } from '@micro/core';
import { eventually } from '@micro/core/conformance';
import { type Env, privateMdns, type Running, startMicro } from './support.ts';

const MODULES = fileURLToPath(new URL('../../../node_modules', import.meta.url));

/** Everything here happens within this time, also on a loaded machine. */
export const WAIT = { timeoutMs: 60_000, everyMs: 50 };

/** A folder of a test, in which packages of the workspace are installed. */
export interface Folder {
  readonly path: string;
  /** Writes files by their paths in it; objects as JSON. */
  write(files: Readonly<Record<string, string | object>>): void;
  remove(): void;
}

/** Makes a folder, with a space in its name as people have it. */
export function createFolder(files: Readonly<Record<string, string | object>>): Folder {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'micro run ')));
  symlinkSync(MODULES, join(path, 'node_modules'));
  const folder: Folder = {
    path,
    write(more) {
      for (const [name, content] of Object.entries(more)) {
        const file = join(path, name);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
      }
    },
    remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }),
  };
  folder.write(files);
  return folder;
}

/** The files of a package that is a service: it answers `Test.Ask` with what `answer.mjs` says. */
export function serviceFiles(name: string, folder = '.', more = ''): Record<string, string | object> {
  return {
    [`${folder}/package.json`]: { name, private: true, type: 'module', dependencies: { '@micro/core': '^1.0.0' } },
    [`${folder}/src/answer.mjs`]: answer('first'),
    [`${folder}/src/main.mjs`]: `
      import { initService } from '@micro/core';
      import { answer } from './answer.mjs';
      ${more}
      const service = await initService({ name: '${name}', server: { address: '127.0.0.1:0' } });
      service.server.handle('Test', { ask: async () => ({ answer: answer(), pid: process.pid }) });
      await service.run();`,
  };
}

/** The text of `answer.mjs`. */
export function answer(text: string): string {
  return `export const answer = () => '${text}';\n`;
}

/** Somebody who asks services, and looks into the registry. */
export interface Asker {
  readonly env: Env;
  /** Calls a service, once it is found: by mDNS that may take several lookups on a machine that is busy. */
  ask(service: string): Promise<{ readonly answer: string; readonly pid: number }>;
  /** Waits until a service gives this answer. Returns how long that took, in milliseconds. */
  answers(service: string, text: string): Promise<number>;
  /** The nodes of a service as somebody sees them who has just come. */
  nodes(service: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Makes one, on a registry that only its `env` leads to. Default: mDNS. */
export async function createAsker(registry?: Env): Promise<Asker> {
  const env = { ...(registry ?? (await privateMdns())), MICRO_LOG_LEVEL: 'error' };
  const join = (): Promise<Service> => initService({ name: 'asker' }, { argv: [], env });
  const asker = await join();
  const call = (service: string, options: CallOptions): ReturnType<Asker['ask']> =>
    asker.client.call({ service, endpoint: 'Test.Ask', body: {} }, options) as ReturnType<Asker['ask']>;
  return {
    env,
    ask: (service) => call(service, { timeoutMs: WAIT.timeoutMs, retries: 1_000, retry: untilFound }),
    async answers(service, text) {
      const begin = performance.now();
      await eventually(async () => {
        const got = await call(service, { timeoutMs: 2_000 });
        if (got.answer !== text) throw new Error(`${service} answers ${got.answer}, not ${text}`);
      }, WAIT);
      return performance.now() - begin;
    },
    async nodes(service) {
      const fresh = await join();
      try {
        const records = await fresh.components.registry.getService(service);
        return records.flatMap(({ nodes }) => nodes.map(({ id }) => id));
      } finally {
        await fresh.stop();
      }
    },
    close: () => asker.stop(),
  };
}

/** Repeats a call while the registry knows nobody of that name, and else as calls are repeated. */
const untilFound: RetryPolicy = (error, attempts) =>
  error instanceof MicroError && (error.code === CODE.notFound || (error.unexecuted && attempts <= 3));

/** Starts `micro run` in a folder, from a shell. Core, whose files others may be writing, is not watched. */
export function startRun(folder: Folder, args: readonly string[], env: Env = {}): Running {
  return startMicro(['run', '--ignore', '**/packages/**', ...args], {
    cwd: folder.path,
    env: { npm_config_user_agent: undefined, ...env },
  });
}

/** The first of so many TCP ports in a row that are free, below those that the kernel gives to anybody. */
export async function freePorts(wanted = 1): Promise<number> {
  for (;;) {
    const first = randomInt(10_000, 30_000);
    const servers: Server[] = [];
    try {
      for (let at = 0; at < wanted; at++) {
        const server = createServer().listen(first + at, '127.0.0.1');
        servers.push(server);
        await once(server, 'listening');
      }
      return first;
    } catch {
      // Somebody has one of them.
    } finally {
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    }
  }
}

/** Whether a process runs. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isOver(String(pid));
  } catch {
    return false;
  }
}

/** How often a text is in another. */
export function count(text: string, wanted: string): number {
  return text.split(wanted).length - 1;
}

/** Waits until something has been printed so often. */
export function printedTimes({ stdout, stderr }: Running, wanted: string, times: number): Promise<void> {
  return eventually(() => {
    const found = count(stdout() + stderr(), wanted);
    if (found < times) throw new Error(`${found} times ${wanted}, not ${times}, in ${stdout()}${stderr()}`);
  }, WAIT);
}

/** The processes that run in a folder or below it. */
export function processesIn(folder: Folder): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder.path) && !isOver(pid) ? [Number(pid)] : [];
      } catch {
        return [];
      }
    });
}

/** Waits until none is left. */
export function nothingRunsIn(folder: Folder): Promise<void> {
  return eventually(() => {
    const left = processesIn(folder);
    if (left.length > 0) throw new Error(`processes are left: ${left.join(', ')}`);
  }, WAIT);
}

function isOver(pid: string): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return 'ZX'.includes(stat.slice(stat.lastIndexOf(')') + 2)[0] ?? 'X');
}
