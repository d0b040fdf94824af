import type { LogFields, Logger, LogLevel } from '../../src/contract/logger.ts';

/** A line that somebody logged. */
export interface Line {
  readonly level: LogLevel;
  readonly text: string;
  readonly fields: LogFields;
}

/** A logger that keeps what it is told. */
export function recordingLogger(): { logger: Logger; lines: readonly Line[] } {
  const lines: Line[] = [];
  return { lines, logger: loggerInto(lines, {}) };
}

function loggerInto(lines: Line[], common: LogFields): Logger {
  const logger: Logger = {
    name: 'recording',
    enabled: () => true,
    log(level, text, fields) {
      lines.push({ level, text, fields: { ...common, ...fields } });
    },
    logf(level, format, ...values) {
      logger.log(level, [format, ...values].join(' '));
    },
    fields: (fields) => loggerInto(lines, { ...common, ...fields }),
  };
  return logger;
}
