import type { BrokerMessage, Delivery } from '../contract/broker.ts';
import { CODE } from '../error/code.ts';
import type { MicroError } from '../error/micro-error.ts';
import { brokerError, handlerError, notTaken } from './broker-error.ts';

/** What one subscription is made from. */
export interface ReceiverOptions {
  readonly topic: string;
  readonly handler: (delivery: Delivery) => unknown;
  readonly autoAck: boolean;
  /** How many handlers may run at once. */
  readonly concurrency: number;
  /** How many events may wait for them. */
  readonly maxWaiting: number;
  /** When an event that is neither acknowledged nor refused counts as failed; `Infinity` is never. */
  readonly ackTimeoutMs: number;
  /** A handler failed after it had acknowledged: nobody waits for it any more, and it must not be lost. */
  readonly failedLate: (message: BrokerMessage, error: MicroError) => void;
}

/** How one event is offered. */
export interface OfferOptions {
  /** Whether the sender has stopped waiting; an event that has not begun is then forgotten. */
  readonly isGone?: (() => boolean) | undefined;
  /** The sender will not repeat it, so it runs even when the subscription is being closed. */
  readonly onlyOnce?: boolean | undefined;
}

/** The receiving end of one subscription: runs its handler, so many at a time, and knows what became of each event. */
export interface Receiver {
  /** Resolves when the event was acknowledged; throws why it was not. What did not run is marked `unexecuted`. */
  offer(message: BrokerMessage, options?: OfferOptions): Promise<void>;
  /** Takes no more events and waits for the handlers that run, up to so long; resolves with how many still did. */
  close(budgetMs: number): Promise<number>;
}

interface Job extends OfferOptions {
  readonly message: BrokerMessage;
  readonly resolve: () => void;
  readonly reject: (error: MicroError) => void;
}

/** Makes the receiving end of a subscription. */
export function createReceiver(options: ReceiverOptions): Receiver {
  const { topic, handler, autoAck, concurrency, maxWaiting, ackTimeoutMs } = options;
  let waiting: Job[] = [];
  let running = 0;
  let closed = false;
  let whenIdle: (() => void)[] = [];

  const next = (): void => {
    while (running < concurrency) {
      const job = waiting.shift();
      if (job === undefined) break;
      if (job.isGone?.() === true) job.reject(notTaken(`the sender of an event of ${topic} is gone`));
      else void run(job);
    }
    if (running > 0) return;
    for (const resolve of whenIdle) resolve();
    whenIdle = [];
  };

  const run = async ({ message, resolve, reject }: Job): Promise<void> => {
    running += 1;
    let isSettled = false;
    let settled: () => void = () => {};
    const outcome = new Promise<void>((done) => {
      settled = done;
    });
    const settle = (error?: MicroError): boolean => {
      if (isSettled) return false;
      isSettled = true;
      clearTimeout(timer);
      if (error === undefined) resolve();
      else reject(error);
      settled();
      return true;
    };
    const late = (): void => {
      const what = autoAck ? 'handled' : 'acknowledged';
      settle(brokerError(CODE.timeout, `an event of ${topic} was not ${what} within ${ackTimeoutMs} ms`));
    };
    const timer = Number.isFinite(ackTimeoutMs) ? setTimeout(late, ackTimeoutMs) : undefined;
    timer?.unref();

    try {
      await handler({
        topic,
        message,
        async ack() {
          settle();
        },
        async nack(error) {
          settle(error === undefined ? brokerError(CODE.internal, 'the handler said nack') : handlerError(error));
        },
      });
      if (autoAck) settle();
    } catch (cause) {
      const error = handlerError(cause);
      if (!settle(error)) options.failedLate(message, error);
    }
    // The place is free when nothing of the event is left: without `autoAck` that is when somebody has decided.
    await outcome;
    running -= 1;
    next();
  };

  return {
    offer(message, { isGone, onlyOnce } = {}) {
      if (closed) return Promise.reject(notTaken(`a subscription of ${topic} is being closed`));
      if (running >= concurrency && waiting.length >= maxWaiting) {
        const detail = `a subscription of ${topic} has ${waiting.length} events waiting, which is its limit`;
        return Promise.reject(notTaken(detail));
      }
      return new Promise((resolve, reject) => {
        waiting.push({ message, resolve, reject, isGone, onlyOnce });
        next();
      });
    },

    async close(budgetMs) {
      closed = true;
      const refused = waiting.filter((job) => job.onlyOnce !== true);
      waiting = waiting.filter((job) => job.onlyOnce === true);
      for (const job of refused) job.reject(notTaken(`a subscription of ${topic} is being closed`));
      if (running === 0) return 0;
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        whenIdle.push(resolve);
        if (Number.isFinite(budgetMs)) timer = setTimeout(resolve, budgetMs);
      });
      clearTimeout(timer);
      for (const job of waiting.splice(0)) job.reject(notTaken(`a subscription of ${topic} was closed`));
      return running;
    },
  };
}
