import { createRequire } from 'node:module';
import type { PrettyOptions } from 'pino-pretty';
import type { LogDestination } from './log-destination.ts';

/** In JSON text: a pair of backslashes, an escaped control character, or one that JSON leaves as it is. */
const CONTROL = /\\\\|\\u00[01][0-9a-f]|[\u007f-\u009f]/g;

/**
 * Turns the JSON lines of a logger into lines for people, within the same call: no stream, no worker thread. Control
 * characters inside values are shown as `\u001b`, so that what was logged cannot steer the terminal.
 */
export function prettyLines(destination: LogDestination, colors: boolean): LogDestination {
  const format = loadPrettyFactory()({
    colorize: colors,
    levelFirst: false,
    singleLine: true,
    errorLikeObjectKeys: ['err', 'error'],
    translateTime: 'SYS:HH:MM:ss.l',
  });
  return { write: (line) => destination.write(format(line.replace(CONTROL, escapeControl))) };
}

function escapeControl(found: string): string {
  if (found === '\\\\') return found;
  if (found.startsWith('\\')) return `\\${found}`;
  return `\\\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Loaded when the first pretty logger is made: a service that writes JSON does not pay for it at its start. */
function loadPrettyFactory(): (options: PrettyOptions) => (line: string) => string {
  const module: { prettyFactory: (options: PrettyOptions) => (line: string) => string } = createRequire(
    import.meta.url,
  )('pino-pretty');
  return module.prettyFactory;
}
