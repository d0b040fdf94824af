import type { LogFields } from '../contract/logger.ts';
import { loadPino } from './load-pino.ts';

/** What every line has of its own; a field of such a name would stand in the line twice. */
const RESERVED: ReadonlySet<string> = new Set(['level', 'time', 'msg']);

/**
 * One object out of the fields of a logger and those of a line, in the shape that is written: the later ones win, an
 * error becomes its type, message, stack and own values, and a field called `level`, `time` or `msg` is written as
 * `fields.level` and so on, so that no field can pass for a part of the line. It has no prototype: names may be foreign.
 */
export function mergeFields(...parts: readonly (LogFields | undefined)[]): Record<string, unknown> {
  const merged: Record<string, unknown> = Object.create(null);
  for (const part of parts) {
    if (part === undefined) continue;
    for (const key of Object.keys(part)) {
      merged[RESERVED.has(key) ? `fields.${key}` : key] = read(part, key);
    }
  }
  return merged;
}

function read(fields: LogFields, key: string): unknown {
  try {
    const value = fields[key];
    return value instanceof Error ? loadPino().stdSerializers.err(value) : value;
  } catch (error) {
    return `[unreadable: ${String(error)}]`;
  }
}
