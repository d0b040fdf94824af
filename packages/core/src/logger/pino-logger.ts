import { isatty } from 'node:tty';
import { format } from 'node:util';
import type { Logger as Pino } from 'pino';
import { HEADER } from '../contract/header.ts';
import type { LogFields, Logger, LogLevel } from '../contract/logger.ts';
import { loadPino } from './load-pino.ts';
import { descriptorDestination, type LogDestination } from './log-destination.ts';
import { mergeFields } from './log-fields.ts';
import { LOG_LEVELS, parseLogLevel } from './log-level.ts';
import { prettyLines } from './pretty-lines.ts';

/** What is taken out of every line: credentials as headers name them, at the top or one level below. */
const CREDENTIALS: readonly string[] = [HEADER.AUTHORIZATION, HEADER.AUTHORIZATION.toLowerCase()].flatMap((name) => [
  name,
  `*.${name}`,
]);

/** How a `pinoLogger` writes. */
export interface PinoLoggerOptions {
  /** The least urgent level that is written. Default `info`. The environment is not read here: `cmd` does that. */
  readonly level?: LogLevel | undefined;
  /** Fields of every line. */
  readonly fields?: LogFields | undefined;
  /** One JSON object per line, or lines for people. Default: `pretty` when the destination is a terminal. */
  readonly format?: 'json' | 'pretty' | undefined;
  /**
   * A file descriptor, or a stream or object with `write`. Default 2: unlike go-micro, which logs to stdout, a service
   * logs to stderr and leaves stdout to the program. It is never closed here.
   */
  readonly destination?: number | LogDestination | undefined;
  /** Whether pretty lines have colours. Default: on a terminal, unless the variable `NO_COLOR` is set. */
  readonly colors?: boolean | undefined;
  /**
   * Values that are written as `[redacted]`, as paths (`password`, `user.token`, `*.secret`), besides `authorization`
   * and `Authorization`, which are redacted in any case at the top and one level below.
   */
  readonly redact?: readonly string[] | undefined;
}

/**
 * The default logger, on pino. A JSON line has `level` by name, `time` in ISO 8601 and UTC, then the fields, then `msg`.
 * A line is written before `log` returns. Writing never throws, whatever is logged and wherever it goes, and no level
 * ends the process. Throws a 400 for an unknown level.
 */
export function pinoLogger(options: PinoLoggerOptions = {}): Logger {
  const { level = 'info', fields, destination = 2, redact = [] } = options;
  const least = LOG_LEVELS.indexOf(parseLogLevel(level));
  let lines: Pino | undefined;

  /** Made with the first line. */
  function open(): Pino {
    const { pino, stdTimeFunctions } = loadPino();
    lines = pino(
      {
        level,
        base: null,
        timestamp: stdTimeFunctions.isoTime,
        redact: { paths: [...CREDENTIALS, ...redact], censor: '[redacted]' },
        // The fields come in a box: pino would take some shapes of a bare object for an HTTP request or an error.
        formatters: { level: (label) => ({ level: label }), log: (box) => box.fields as LogFields },
      },
      openDestination(destination, options),
    );
    return lines;
  }
  // A path that cannot be redacted is an error now, and not when something secret is about to be written.
  if (redact.length > 0) open();

  function write(at: LogLevel, message: string, written: LogFields): void {
    (lines ?? open())[at]({ fields: written }, message);
  }

  function logger(bound: LogFields): Logger {
    function enabled(at: LogLevel): boolean {
      return LOG_LEVELS.indexOf(at) >= least;
    }
    function log(at: LogLevel, message: string, more?: LogFields): void {
      if (!enabled(at)) return;
      try {
        write(at, String(message), mergeFields(bound, more));
      } catch (error) {
        // A value deep inside that cannot be read, or the destination. Once more with nothing but the message.
        try {
          write(at, String(message), mergeFields({ unloggable: String(error) }));
        } catch {
          // Then the destination throws. Nobody is left to tell.
        }
      }
    }
    return {
      name: 'pino',
      enabled,
      log,
      logf(at, text, ...values) {
        if (!enabled(at)) return;
        let message = text;
        try {
          message = format(text, ...values);
        } catch {
          // A value that cannot be shown: the format alone says more than nothing.
        }
        log(at, message);
      },
      fields: (more) => logger(mergeFields(bound, more)),
    };
  }
  return logger(mergeFields(fields));
}

function openDestination(destination: number | LogDestination, options: PinoLoggerOptions): LogDestination {
  const target = typeof destination === 'number' ? descriptorDestination(destination) : destination;
  const terminal = typeof destination === 'number' && isatty(destination);
  const { format: wanted = terminal ? 'pretty' : 'json', colors = terminal && !process.env.NO_COLOR } = options;
  return wanted === 'pretty' ? prettyLines(target, colors) : target;
}
