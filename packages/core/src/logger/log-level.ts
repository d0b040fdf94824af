import type { LogLevel } from '../contract/logger.ts';
import { CODE } from '../error/code.ts';
import { MicroError } from '../error/micro-error.ts';

/** go-micro's levels, the least urgent first. */
export const LOG_LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/**
 * Reads a level, as a flag or `MICRO_LOG_LEVEL` names it: exactly the six lower-case names, as in go-micro. Where
 * go-micro falls back to `info`, this throws a 400 that names the text.
 */
export function parseLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((name) => name === text);
  if (level === undefined) {
    throw new MicroError({
      id: 'go.micro.logger',
      code: CODE.badRequest,
      detail: `unknown log level ${JSON.stringify(text)}: use one of ${LOG_LEVELS.join(', ')}`,
    });
  }
  return level;
}
