import type { BrokerMessage } from '../contract/broker.ts';
import type { Logger } from '../contract/logger.ts';
import type { MicroError } from '../error/micro-error.ts';
import { now } from '../util/clock.ts';
import { reasonOf } from '../util/reason.ts';

/** An event that was not handled: by a handler that failed, or by nobody. */
export interface BrokerFailure {
  readonly topic: string;
  readonly message: BrokerMessage;
  readonly error: MicroError;
  /** How often a handler was tried with it. */
  readonly deliveries: number;
  /** It will come again. False: this was the last try, and the event is lost unless you keep it. */
  readonly willRepeat: boolean;
}

/** What a broker does about failures. */
export interface FailureOptions {
  /**
   * Told of every event that was not handled, on the side that knows: the place to publish to a dead-letter topic. What it
   * throws is written down and has no other effect. Default: nobody is told, and what is lost is logged.
   */
  readonly onError?: ((failure: BrokerFailure) => void) | undefined;
  /** Default: events that are lost are reported with `process.emitWarning`. */
  readonly logger?: Logger | undefined;
}

/** A failure, whose message is read only when somebody is told. */
export interface FailureReport extends Omit<BrokerFailure, 'message'> {
  readonly message: () => BrokerMessage;
}

/** How often the loss of events of one topic is a line of its own. */
const LINE_EVERY_MS = 1_000;
const MOST_TOPICS = 1_000;

/** Makes the function that reports failures; a topic that loses many events is one line per second, with their number. */
export function createFailureReport({ onError, logger }: FailureOptions): (failure: FailureReport) => void {
  const topics = new Map<string, { lineAt: number; untold: number }>();

  const write = (failure: FailureReport): void => {
    const { topic, error, deliveries } = failure;
    const known = topics.get(topic);
    const time = now();
    if (known !== undefined && time - known.lineAt < LINE_EVERY_MS) {
      known.untold += 1;
      return;
    }
    if (known === undefined && topics.size >= MOST_TOPICS) topics.clear();
    const untold = known?.untold ?? 0;
    topics.set(topic, { lineAt: time, untold: 0 });
    const text = `an event of ${topic} is lost: ${reasonOf(error)}`;
    if (logger === undefined) process.emitWarning(text, { code: 'MICRO_EVENT_LOST' });
    else logger.log('warn', text, { topic, deliveries, ...(untold === 0 ? {} : { before: untold }), error });
  };

  return (failure) => {
    if (failure.willRepeat) {
      logger?.log('debug', `an event of ${failure.topic} will come again: ${reasonOf(failure.error)}`, {
        topic: failure.topic,
        deliveries: failure.deliveries,
      });
    } else if (onError === undefined) {
      write(failure);
    }
    try {
      onError?.({ ...failure, message: failure.message() });
    } catch (error) {
      write({ ...failure, error: failure.error });
      logger?.log('error', `onError of the broker failed: ${reasonOf(error)}`, { topic: failure.topic });
    }
  };
}

/** What to do with a handler that failed after it had acknowledged: the event does not come again. */
export function reportLate(
  topic: string,
  report: (failure: FailureReport) => void,
): (message: BrokerMessage, error: MicroError) => void {
  return (message, error) => report({ topic, error, deliveries: 1, willRepeat: false, message: () => message });
}
