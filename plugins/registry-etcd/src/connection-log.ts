import type { Logger, MicroError } from '@micro/core';

/** Whether etcd is reached, as a log tells it. */
export interface ConnectionLog {
  readonly lost: boolean;
  /** A question was answered. */
  reached(): void;
  /** A question was not answered. */
  missed(error: MicroError): void;
  /** Nothing is told any more. */
  close(): void;
}

/** Tells the logger one line when etcd is lost and one when it is back, however many questions went without an answer. */
export function connectionLog(where: string, logger: Logger | undefined): ConnectionLog {
  let lost = false;
  let closed = false;
  return {
    get lost() {
      return lost;
    },
    reached() {
      if (!lost || closed) return;
      lost = false;
      logger?.log('info', `${where} is reached again`);
    },
    missed(error) {
      if (lost || closed) return;
      lost = true;
      logger?.log('warn', `${where} cannot be reached`, { error: error.detail });
    },
    close() {
      closed = true;
    },
  };
}
