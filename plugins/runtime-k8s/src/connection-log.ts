import type { Logger, MicroError } from '@micro/core';

/** Whether the API server is reached, as a log tells it. */
export interface ConnectionLog {
  /** A question was answered, whatever the answer. */
  reached(): void;
  /** A question was not answered. */
  missed(error: MicroError): void;
  /** Nothing is told any more. */
  close(): void;
}

/** Tells the logger one line when the API server is lost and one when it is back, however many questions get no answer. */
export function connectionLog(where: string, logger: Logger | undefined): ConnectionLog {
  let lost = false;
  let closed = false;
  return {
    reached() {
      if (!lost || closed) return;
      lost = false;
      logger?.log('info', `the API server at ${where} is reached again`);
    },
    missed(error) {
      if (lost || closed) return;
      lost = true;
      logger?.log('warn', `the API server at ${where} cannot be reached`, { error: error.detail });
    },
    close() {
      closed = true;
    },
  };
}
