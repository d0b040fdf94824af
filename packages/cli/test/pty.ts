import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { eventually, within } from '@micro/core/conformance';

const MICRO = fileURLToPath(new URL('../dist/micro.js', import.meta.url));
const DEADLINE_MS = 20_000;

/** What is typed with keys that have no letter. */
export const KEY = { enter: '\r', down: '\u001b[B', up: '\u001b[A', space: ' ', interrupt: '\u0003' } as const;

/** How a program is started on a pseudo-terminal. */
export interface PtyOptions {
  readonly cwd?: string | undefined;
  /** Over the variables of this process, of which `CI` and those of micro and of colours are left out. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Default 100 and 40. */
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** A program on a pseudo-terminal, and somebody in front of it. */
export interface Pty {
  /** All that was shown so far, without what moves and colours. */
  shown(): string;
  /** Waits until a text is shown, after what was waited for before. */
  shows(text: string): Promise<void>;
  type(keys: string): void;
  /** Waits for the end; killed, and a failure, when that takes too long. `code` is 128 and its number for a signal. */
  ended(timeoutMs?: number): Promise<{ readonly code: number; readonly shown: string }>;
}

/** Starts a program on a pseudo-terminal: util-linux's `script` holds it, which every Debian has. */
export function startOnPty(command: readonly string[], options: PtyOptions = {}): Pty {
  const { cwd = process.cwd(), env = {}, columns = 100, rows = 40 } = options;
  const line = `stty cols ${columns} rows ${rows}; exec ${command.map(quoted).join(' ')}`;
  const child = spawn('script', ['-q', '-f', '-e', '-c', line, '/dev/null'], {
    cwd,
    env: { ...plainEnv(), TERM: 'xterm-256color', SHELL: '/bin/sh', ...env },
  });
  let all = '';
  let seen = 0;
  const add = (text: string): void => {
    all += text;
  };
  child.stdout.setEncoding('utf8').on('data', add);
  child.stderr.setEncoding('utf8').on('data', add);
  // It may have ended before all was typed.
  child.stdin.on('error', () => {});
  const closed = once(child, 'close');
  const shown = (): string => stripVTControlCharacters(all).replaceAll('\r', '');
  return {
    shown,
    async shows(text) {
      await eventually(
        () => {
          const at = shown().indexOf(text, seen);
          if (at < 0)
            throw new Error(`${command.join(' ')} does not show ${text}, but ${JSON.stringify(shown().slice(seen))}`);
          seen = at + text.length;
        },
        { timeoutMs: DEADLINE_MS },
      );
    },
    type: (keys) => void child.stdin.write(keys),
    async ended(timeoutMs = DEADLINE_MS) {
      try {
        await within(`${command.join(' ')} on a terminal`, closed, timeoutMs);
      } catch (error) {
        throw new Error(`it shows ${shown()}`, { cause: error });
      } finally {
        // Its end hangs up the terminal, which ends what runs on it.
        child.kill('SIGTERM');
      }
      return { code: child.exitCode ?? -1, shown: shown() };
    },
  };
}

/** Starts `micro` on a pseudo-terminal. */
export function microOnPty(args: readonly string[], options: PtyOptions = {}): Pty {
  return startOnPty([process.execPath, MICRO, ...args], options);
}

function quoted(argument: string): string {
  return `'${argument.replaceAll("'", `'\\''`)}'`;
}

/** Without what says that nobody sits there, or how micro is to behave. */
function plainEnv(): NodeJS.ProcessEnv {
  const ours = /^(MICRO_|CI$|NO_COLOR$|FORCE_COLOR$|NODE_OPTIONS$|VITEST|NODE_ENV$|npm_)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}
