import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromWorker, ToWorker } from './worker.ts';

/** How much of what a child wrote to its error stream is kept for the message when it fails, in characters. */
const KEPT_STDERR = 2_000;
/** How long a child may take to end after it was told to, in milliseconds. */
const END_MS = 20_000;

/** A child process that runs one half of one peer. */
export interface Child {
  readonly pid: number;
  /** Sends an order and resolves with the answer of the expected type; any other end is an error. */
  ask<T extends FromWorker['type']>(
    order: ToWorker,
    expected: T,
    timeoutMs: number,
  ): Promise<Extract<FromWorker, { type: T }>>;
  /** Rejects when the process fails or ends, whether it was asked something or not. Never resolves. */
  readonly broken: Promise<never>;
  /** Ends the process; resolves when it is gone. */
  end(): Promise<void>;
}

/** Starts a child process. */
export function startChild(label: string): Child {
  const child = fork(fileURLToPath(new URL('./worker.js', import.meta.url)), [], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (text: string) => {
    stderr = (stderr + text).slice(-KEPT_STDERR);
  });
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const why = (what: string) => new Error(`${label} ${what}${stderr === '' ? '' : `: ${stderr.trim()}`}`);

  const broken = new Promise<never>((_, reject) => {
    child.once('exit', () => reject(why('ended on its own')));
    child.once('error', (error) => reject(why(`did not start (${error.message})`)));
    child.on('message', (answer: FromWorker) => {
      if (answer.type === 'failed') reject(new Error(`${label} failed: ${answer.message}`));
    });
  });
  broken.catch(() => {});

  return {
    pid: child.pid ?? 0,
    broken,
    ask: (order, expected, timeoutMs) => Promise.race([broken, answerOf(child, order, expected, timeoutMs, why)]),
    end: () => endChild(child, gone),
  };
}

function answerOf<T extends FromWorker['type']>(
  child: ChildProcess,
  order: ToWorker,
  expected: T,
  timeoutMs: number,
  why: (what: string) => Error,
): Promise<Extract<FromWorker, { type: T }>> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      child.off('message', onMessage);
      finish();
    };
    const timer = setTimeout(() => settle(() => reject(why(`did not answer within ${timeoutMs} ms`))), timeoutMs);
    const onMessage = (answer: FromWorker) => {
      if (isOf(answer, expected)) settle(() => resolve(answer));
      else if (answer.type === 'failed') settle(() => reject(why('failed')));
    };
    child.on('message', onMessage);
    child.once('exit', () => settle(() => reject(why('ended on its own'))));
    child.send(order, (error) => {
      if (error !== null) settle(() => reject(why(`could not be asked (${error.message})`)));
    });
  });
}

function isOf<T extends FromWorker['type']>(answer: FromWorker, type: T): answer is Extract<FromWorker, { type: T }> {
  return answer.type === type;
}

async function endChild(child: ChildProcess, gone: Promise<void>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.connected) {
    child.send({ type: 'close' } satisfies ToWorker, () => {});
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
  await gone;
  clearTimeout(timer);
}
