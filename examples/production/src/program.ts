import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Longer than a service takes to drain. */
const END_MS = 30_000;

/** A service in a process of its own. */
export interface Program {
  /** Lets it drain and end; throws when it ended badly. */
  end(): Promise<void>;
  /** Rejects when it ends before it was told to. */
  readonly broken: Promise<never>;
}

/** Starts a service of this folder, which ends with this process, however that ends. */
export function startProgram(name: string, env: NodeJS.ProcessEnv): Program {
  const child = fork(fileURLToPath(new URL(`${name}.js`, import.meta.url)), [], {
    env,
    // Ctrl-C is for us: to a service it would come twice, and the second time it does not drain.
    detached: true,
    execArgv: ['--import', new URL('end-with-parent.js', import.meta.url).href],
  });
  let isEnding = false;
  const gone = exitOf(child);
  const broken = gone.then((how) => (isEnding ? new Promise<never>(() => {}) : Promise.reject(endedBadly(name, how))));
  broken.catch(() => {});
  return {
    broken,
    async end() {
      isEnding = true;
      child.kill('SIGTERM');
      const patience = new AbortController();
      const late = sleep(END_MS, undefined, { signal: patience.signal }).catch(() => undefined);
      const how = await Promise.race([gone, late]);
      patience.abort();
      // One that had not begun yet does not drain.
      if (how === 0 || how === 'SIGTERM') return;
      child.kill('SIGKILL');
      throw how === undefined ? new Error(`${name} did not end within ${END_MS} ms`) : endedBadly(name, how);
    },
  };
}

function exitOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'nothing'));
    child.once('error', (error) => resolve(error.message));
  });
}

function endedBadly(name: string, how: number | string): Error {
  return new Error(`${name} ended with ${how}`);
}
