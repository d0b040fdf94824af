import type { Logger } from '@micro/core';

/** A logger that keeps its lines, as `level message`. */
export function keepingLogger(): { readonly logger: Logger; readonly lines: readonly string[] } {
  const lines: string[] = [];
  const logger: Logger = {
    name: 'kept',
    enabled: () => true,
    log: (level, message) => {
      lines.push(`${level} ${message}`);
    },
    logf: () => {},
    fields: () => logger,
  };
  return { logger, lines };
}
