import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createService, memoryRegistry, silentLogger } from '@micro/core';
import { within } from '@micro/core/conformance';
import { inject } from 'vitest';
import type { PprofProfileOptions } from '../src/index.ts';

/** The service of `fixtures/hot-service.ts`, in a process of its own. */
export interface HotService extends AsyncDisposable {
  readonly door: string;
  readonly files: { readonly cpu: string; readonly mem: string };
  /** Keeps it busy for so long. */
  load(ms: number): Promise<void>;
  hoard(entries: number): Promise<void>;
  /** Sends a signal, and resolves with how the process ended. */
  end(signal: NodeJS.Signals): Promise<readonly [code: number | null, signal: NodeJS.Signals | null]>;
}

const LIMIT_MS = 30_000;
/** Some ten milliseconds of work: much more than the call around it. */
const ROUNDS = 3_000_000;

/** Starts it with a profile of these options. */
export async function startHotService(options: PprofProfileOptions): Promise<HotService> {
  const program = join(inject('programs'), 'hot-service.js');
  const child = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const { address, door, files } = JSON.parse(await firstLine(child));
  const caller = createService({ name: 'caller', registry: memoryRegistry(), logger: silentLogger() });
  const call = (endpoint: string, body: object) =>
    caller.client.call({ service: 'hot', endpoint, body }, { address, timeoutMs: LIMIT_MS });
  const end: HotService['end'] = async (signal) => {
    await caller.stop();
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await within('the end of the process', ended, LIMIT_MS);
    return [child.exitCode, child.signalCode];
  };
  return {
    door,
    files,
    async load(ms) {
      const until = Date.now() + ms;
      while (Date.now() < until) await Promise.all([1, 2, 3, 4].map(() => call('Hot.Crunch', { rounds: ROUNDS })));
    },
    async hoard(entries) {
      await call('Hot.Hoard', { entries });
    },
    end,
    async [Symbol.asyncDispose]() {
      await end('SIGKILL');
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  const line = new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', () => {
      if (text.includes('\n')) resolve(text);
    });
    child.once('exit', (code) => reject(new Error(`the service ended with ${code} before it was up`)));
  });
  return await within('the start of the service', line, LIMIT_MS);
}
