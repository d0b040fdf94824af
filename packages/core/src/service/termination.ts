import type { Logger } from '../contract/logger.ts';

/** The signals that end a service, as in go-micro. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;
const NUMBERS = { SIGTERM: 15, SIGINT: 2, SIGQUIT: 3 } as const;

/** Waits for the end of a service. */
export interface Termination {
  /** Resolves with what asked for the end: the name of a signal, or `aborted`. */
  readonly asked: Promise<string>;
  /** Listens no more. */
  close(): void;
}

/**
 * Waits for a signal of the operating system or of the program. The first one asks for a stop; a second one means that
 * somebody does not want to wait for it, and ends the process at once, with the status that shells expect.
 */
export function waitForTermination(
  handleSignals: boolean,
  signal: AbortSignal | undefined,
  logger: Logger,
): Termination {
  let ask: (reason: string) => void = () => {};
  let isAsked = false;
  const asked = new Promise<string>((resolve) => {
    ask = resolve;
  });
  const onSignal = (name: NodeJS.Signals): void => {
    if (!isAsked) {
      isAsked = true;
      ask(name);
      return;
    }
    logger.log('warn', `${name} again: stopping at once`);
    process.exit(128 + NUMBERS[name as keyof typeof NUMBERS]);
  };
  // The program's own wish to stop does not count as a first signal: whoever sends one then may not know of it.
  const onAbort = (): void => ask('aborted');
  // Nothing else may keep the process alive: a service without connections still waits to be called.
  const alive = setInterval(() => {}, 2 ** 30);
  if (handleSignals) for (const name of SIGNALS) process.on(name, onSignal);
  if (signal?.aborted === true) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });

  return {
    asked,
    close() {
      clearInterval(alive);
      for (const name of SIGNALS) process.off(name, onSignal);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}
