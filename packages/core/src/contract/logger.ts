/** How urgent a line is, the least urgent first. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** Values that go with a line, by name. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes down what happened. No level ends the process. */
export interface Logger {
  readonly name: string;
  /** Whether a line of this level would be written: ask before preparing an expensive one. */
  enabled(level: LogLevel): boolean;
  log(level: LogLevel, message: string, fields?: LogFields): void;
  /** The same with `printf` placeholders (`%s`, `%d`, `%j`). */
  logf(level: LogLevel, format: string, ...values: unknown[]): void;
  /** A logger that adds these fields to every line. */
  fields(fields: LogFields): Logger;
}
