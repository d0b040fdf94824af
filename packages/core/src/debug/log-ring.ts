import { format } from 'node:util';
import type { LogRecord } from '../contract/debug.ts';
import type { LogFields, Logger, LogLevel } from '../contract/logger.ts';
import { fieldTexts } from './log-metadata.ts';
import { createRing } from './ring.ts';

/** Which of the kept lines are meant. */
export interface LogQuery {
  /** At most so many of the last ones; 0 is all. */
  readonly count: number;
  /** Only those since then, in milliseconds since the epoch; 0 is all. */
  readonly since: number;
}

/** The last lines that a service logged. */
export interface LogRing {
  /** A logger that writes where the given one does, and keeps what was written. */
  keep(logger: Logger): Logger;
  /** The oldest line first. */
  read(query: LogQuery): readonly LogRecord[];
  /** The same, and then what comes, until the signal aborts or the ring ends. Who reads too slowly misses the oldest. */
  follow(query: LogQuery, signal: AbortSignal): AsyncIterable<LogRecord>;
  /** Whoever follows from now on is not ended at once. */
  begin(): void;
  /** Ends everybody who follows, and who comes: nothing waits for them when a service stops. */
  end(): void;
}

/** No message is kept longer than this, in characters. */
const LONGEST_MESSAGE = 8_192;

/** Keeps the last `size` lines. Who follows has no queue: they read on from the line they have reached. */
export function logRing(size: number): LogRing {
  const ring = createRing<LogRecord>(size);
  const waiting = new Set<() => void>();
  let ended = false;

  const wake = (): void => {
    for (const resume of waiting) resume();
    waiting.clear();
  };

  const push = (level: LogLevel, message: string, fields: readonly (LogFields | undefined)[]): void => {
    try {
      const metadata = fieldTexts({ level }, ...fields);
      ring.push({ timestamp: Date.now(), metadata, message: String(message).slice(0, LONGEST_MESSAGE) });
    } catch {
      // Fields that not even their names can be read of. Logging never throws.
      return;
    }
    wake();
  };

  const keep = (logger: Logger, bound: readonly LogFields[]): Logger => ({
    name: logger.name,
    enabled: (level) => logger.enabled(level),
    log(level, message, fields) {
      logger.log(level, message, fields);
      if (logger.enabled(level)) push(level, message, [...bound, fields]);
    },
    logf(level, text, ...values) {
      logger.logf(level, text, ...values);
      if (logger.enabled(level)) push(level, formatted(text, values), bound);
    },
    fields: (fields) => keep(logger.fields(fields), [...bound, fields]),
  });

  const select = ({ count, since }: LogQuery): readonly LogRecord[] => {
    const records = since === 0 ? ring.read() : ring.read().filter(({ timestamp }) => timestamp >= since);
    return count === 0 ? records : records.slice(-count);
  };

  return {
    keep: (logger) => keep(logger, []),
    read: select,
    async *follow(query, signal) {
      let next = ring.end;
      yield* select(query);
      while (!signal.aborted && !ended) {
        const records = ring.read(next);
        next = ring.end;
        if (records.length > 0) yield* records;
        else await more(signal, waiting);
      }
    },
    begin() {
      ended = false;
    },
    end() {
      ended = true;
      wake();
    },
  };
}

/** Resolves with the next line, or when nobody waits for it any more. */
function more(signal: AbortSignal, waiting: Set<() => void>): Promise<void> {
  return new Promise((resolve) => {
    const resume = (): void => {
      signal.removeEventListener('abort', resume);
      waiting.delete(resume);
      resolve();
    };
    waiting.add(resume);
    signal.addEventListener('abort', resume, { once: true });
  });
}

function formatted(text: string, values: readonly unknown[]): string {
  try {
    return format(text, ...values);
  } catch {
    // A value that cannot be shown: the format alone says more than nothing.
    return text;
  }
}
