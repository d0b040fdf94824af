import { isInteractive, type Terminal } from './terminal.ts';

/** Tells people what is being waited for. */
export interface Progress {
  /** Runs the work; when it takes longer than a moment, a line says so until it is done. Silent when piped. */
  during<T>(text: string, work: () => Promise<T>): Promise<T>;
}

/** Nobody reads a line that is gone at once. */
const A_MOMENT_MS = 300;
/** A terminal that does not know its width. */
const USUAL_COLUMNS = 80;

/** Makes the progress of a terminal. */
export function createProgress(terminal: Terminal, quiet: boolean): Progress {
  return {
    async during(text, work) {
      if (quiet || !isInteractive(terminal)) return work();
      let clear = (): void => {};
      const timer = setTimeout(() => {
        // What wraps is not cleared by going back to the beginning of the line.
        const room = (terminal.stderr.columns || USUAL_COLUMNS) - 3;
        terminal.stderr.write(`${text.slice(0, Math.max(0, room))} …`);
        clear = () => terminal.stderr.write('\r\u001b[2K');
      }, A_MOMENT_MS);
      try {
        return await work();
      } finally {
        clearTimeout(timer);
        clear();
      }
    },
  };
}
