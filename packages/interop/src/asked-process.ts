import type { Line } from './line-process.ts';
import { startLineProcess } from './line-process.ts';

/** How long a process may take to say that it is ready, in milliseconds: on a busy machine that is long. */
const READY_WITHIN_MS = 30_000;

/** A process that is told and asked things, each with an id, and answers with that id. */
export interface AskedProcess {
  readonly pid: number;
  /** Resolves with the result; rejects with what the process says is wrong. Events under the same id go to `onEvent`. */
  ask(command: object, onEvent?: (event: unknown) => void): Promise<unknown>;
  /** Resolves when a line with an address has come; gives up after 30 s. */
  ready(): Promise<Line>;
  stderr(): string;
  /** Ends it as a crash does, and waits until it is gone. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a process of that kind; `what` names it in errors. Lines without an id go to `onLine`. */
export async function startAskedProcess(
  what: string,
  command: readonly string[],
  onLine: (line: Line) => void = () => {},
): Promise<AskedProcess> {
  const pending = new Map<string, { resolve(result: unknown): void; reject(error: Error): void }>();
  const listeners = new Map<string, (event: unknown) => void>();
  let ids = 0;
  let gone = false;
  let said: (line: Line) => void = () => {};
  const first = new Promise<Line>((resolve) => {
    said = (line) => {
      if (line.address !== undefined || line.fatal !== undefined) resolve(line);
    };
  });

  const process = await startLineProcess(command, (line) => {
    if (line.id === undefined || line.address !== undefined) {
      said(line);
      onLine(line);
      return;
    }
    const id = String(line.id);
    if (line.done !== true) {
      listeners.get(id)?.(line.event);
      return;
    }
    const question = pending.get(id);
    pending.delete(id);
    const error = line.error as { readonly text: string } | undefined;
    if (error === undefined) question?.resolve(line.result);
    else question?.reject(new Error(error.text));
  });
  void process.exited.then(() => {
    gone = true;
    for (const question of pending.values()) question.reject(new Error(`${what} exited: ${process.stderr()}`));
    pending.clear();
  });
  return {
    pid: process.pid,
    stderr: process.stderr,
    ask: (command, onEvent) =>
      new Promise((resolve, reject) => {
        if (gone) return reject(new Error(`${what} has exited: ${process.stderr()}`));
        const id = String(ids++);
        pending.set(id, { resolve, reject });
        if (onEvent !== undefined) listeners.set(id, onEvent);
        process.write({ ...command, id });
      }),
    async ready() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<Line>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`it was not ready within ${READY_WITHIN_MS} ms`)), READY_WITHIN_MS);
      });
      const end = process.exited.then((): Line => ({ fatal: 'it exited' }));
      try {
        const line = await Promise.race([first, late, end]);
        if (line.fatal !== undefined) throw new Error(String(line.fatal));
        return line;
      } catch (error) {
        await process.close();
        throw new Error(`${what} did not start: ${String(error)}\n${process.stderr()}`, { cause: error });
      } finally {
        clearTimeout(timer);
      }
    },
    kill: process.kill,
    close: () => process.close(),
  };
}
