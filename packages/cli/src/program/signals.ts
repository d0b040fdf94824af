import { EXIT } from '../console/exit-code.ts';
import type { Terminal } from '../console/terminal.ts';

/** What is listened for while a command runs. */
export interface Interrupt {
  readonly signal: AbortSignal;
  /** What to end with when a signal came, and `undefined` when none did. */
  exitCode(): number | undefined;
  release(): void;
}

const CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hungUp } as const;

/** The first signal cancels what runs, and a second one ends the process as it is. */
export function onInterrupt({ stderr }: Terminal): Interrupt {
  const controller = new AbortController();
  let code: number | undefined;
  const listen = (name: NodeJS.Signals): void => {
    const exit = CODES[name as keyof typeof CODES];
    if (code !== undefined) process.exit(exit);
    code = exit;
    // The terminal has echoed ^C; what comes next begins on a line of its own.
    if (name === 'SIGINT' && stderr.isTTY === true) stderr.write('\n');
    controller.abort(new DOMException(`the command was ended by ${name}`, 'AbortError'));
  };
  const names = Object.keys(CODES) as NodeJS.Signals[];
  for (const name of names) process.on(name, listen);
  return {
    signal: controller.signal,
    exitCode: () => code,
    release() {
      for (const name of names) process.off(name, listen);
    },
  };
}
