import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ServiceRecord } from '@micro/core';
import type { GrpcProtocol } from '../../src/index.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

/** How long a process may take to be up: a busy machine is slow. */
const START_MS = 40_000;

/** A service in a process of its own. */
export interface NodeProcess {
  readonly services: readonly ServiceRecord[];
  readonly port: string;
  readonly pid: number;
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
}

/** Starts one; on a port that is free, or on that of one that was killed. */
export async function startNode(protocol: GrpcProtocol, port = '0'): Promise<NodeProcess> {
  const child = fork(fixture('node.mjs'), [protocol, port], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [services]: readonly ServiceRecord[][] = await once(child, 'message', {
    signal: AbortSignal.timeout(START_MS),
  });
  return {
    services: services ?? [],
    port: services?.[0]?.nodes[0]?.address.split(':')[1] ?? '',
    pid: child.pid ?? 0,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
  };
}

/** Runs a client to its end. Resolves with how long it lived after its call, in milliseconds. */
export async function runClient({ services }: NodeProcess, how: 'stop' | 'leave'): Promise<number> {
  const child = spawn(process.execPath, [fixture('client.mjs'), JSON.stringify(services), how], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit', { signal: AbortSignal.timeout(2 * START_MS) });
  try {
    await once(child.stdout, 'data', { signal: AbortSignal.timeout(START_MS) });
    const called = performance.now();
    await gone;
    return performance.now() - called;
  } finally {
    child.kill('SIGKILL');
  }
}
