import type { Logger } from '../contract/logger.ts';

/** A logger that writes nothing, for tests and for programs that want no log. */
export function silentLogger(): Logger {
  const logger: Logger = {
    name: 'silent',
    enabled: () => false,
    log() {},
    logf() {},
    fields: () => logger,
  };
  return logger;
}
