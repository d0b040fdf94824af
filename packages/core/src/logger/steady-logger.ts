import type { Logger } from '../contract/logger.ts';

/**
 * A logger that writes where the given one does and never throws: a service neither fails to start nor to stop, and answers
 * its callers, whatever its log does. The first line that cannot be written is a warning of the process; later ones are
 * dropped without a word. No logger stays none.
 */
export function steadyLogger(given: Logger): Logger;
export function steadyLogger(given: Logger | undefined): Logger | undefined;
export function steadyLogger(given: Logger | undefined): Logger | undefined {
  if (given === undefined) return undefined;
  let told = false;
  const attempt = <T>(work: () => T, otherwise: T): T => {
    try {
      return work();
    } catch (error) {
      if (!told) process.emitWarning(`the logger ${given.name} failed, and its lines are lost: ${String(error)}`);
      told = true;
      return otherwise;
    }
  };
  const steady = (logger: Logger): Logger => {
    const self: Logger = {
      name: logger.name,
      enabled: (level) => attempt(() => logger.enabled(level), false),
      log: (level, message, fields) => attempt(() => logger.log(level, message, fields), undefined),
      logf: (level, format, ...values) => attempt(() => logger.logf(level, format, ...values), undefined),
      fields: (fields) => attempt(() => steady(logger.fields(fields)), undefined) ?? self,
    };
    return self;
  };
  return steady(given);
}
