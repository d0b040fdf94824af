import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { poll } from './poll.ts';

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
  /** All that came so far, as it came. */
  output(): string;
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
  let ended = false;
  child.on('close', () => {
    ended = true;
  });
  const shown = (): string => stripVTControlCharacters(all).replaceAll('\r', '');
  return {
    output: () => all,
    shown,
    async shows(text) {
      const name = command.join(' ');
      try {
        seen = await poll(`${name} on a terminal`, DEADLINE_MS, () => {
          const at = shown().indexOf(text, seen);
          return at < 0 ? undefined : at + text.length;
        });
      } catch (cause) {
        throw new Error(`${name} does not show ${text}, but ${JSON.stringify(shown().slice(seen))}`, { cause });
      }
    },
    type: (keys) => void child.stdin.write(keys),
    async ended(timeoutMs = DEADLINE_MS) {
      try {
        await poll(`${command.join(' ')} on a terminal`, timeoutMs, () => ended);
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

function quoted(argument: string): string {
  return `'${argument.replaceAll("'", `'\\''`)}'`;
}

/** Without what says that nobody sits there, or how micro is to behave. */
function plainEnv(): NodeJS.ProcessEnv {
  const ours = /^(MICRO_|CI$|NO_COLOR$|FORCE_COLOR$|NODE_OPTIONS$|VITEST|NODE_ENV$|npm_)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}
