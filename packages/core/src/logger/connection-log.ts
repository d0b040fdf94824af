import type { Logger } from '../contract/logger.ts';
import type { MicroError } from '../error/micro-error.ts';

/** Whether a server is reached, as a log tells it. */
export interface ConnectionLog {
  readonly lost: boolean;
  /** A question was answered, whatever the answer. */
  reached(): void;
  /** A question was not answered. */
  missed(error: MicroError): void;
  /** Nothing is told any more. */
  close(): void;
}

/**
 * Tells the logger one line when a server is lost and one when it is back, however many questions went without an answer.
 * `where` is what it is called, such as `etcd at 127.0.0.1:2379`.
 */
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
