import type { BrokerMessage, BrokerSubscribeOptions } from '../contract/broker.ts';
import { CODE } from '../error/code.ts';
import { brokerError } from './broker-error.ts';

const LONGEST_TOPIC = 255;
const MOST_HEADER_BYTES = 64 * 1024;
const MOST_CONCURRENCY = 10_000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\0-\x1f\x7f]/;

/** Throws 400 for what can be no name of a topic, or of a queue. */
export function checkTopic(topic: unknown, what = 'topic'): asserts topic is string {
  if (typeof topic !== 'string' || topic === '' || topic.length > LONGEST_TOPIC || CONTROL.test(topic)) {
    const shown = JSON.stringify(String(topic).slice(0, 80));
    const rule = `1 to ${LONGEST_TOPIC} characters, none of them a control character`;
    throw brokerError(CODE.badRequest, `${what} ${shown} is no name: give ${rule}`);
  }
}

/** Throws 400 for options that mean nothing. */
export function checkSubscribe({ queue, concurrency }: BrokerSubscribeOptions): void {
  if (queue !== undefined && queue !== '') checkTopic(queue, 'queue');
  if (concurrency === undefined) return;
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > MOST_CONCURRENCY) {
    const detail = `concurrency ${String(concurrency)} is no whole number from 1 to ${MOST_CONCURRENCY}`;
    throw brokerError(CODE.badRequest, detail);
  }
}

/** Throws 400 for what is no message, 413 for one that is too large, 431 for one whose header is. */
export function checkMessage(topic: string, message: BrokerMessage, maxBytes: number): void {
  checkTopic(topic);
  const { header, body } = (message ?? {}) as Partial<Record<keyof BrokerMessage, unknown>>;
  if (!(body instanceof Uint8Array)) {
    throw brokerError(CODE.badRequest, `the body of a message to ${topic} is no Uint8Array: encode it first`);
  }
  if (body.length > maxBytes) {
    const detail = `a message to ${topic} has ${body.length} bytes, and the limit is ${maxBytes}`;
    throw brokerError(CODE.tooLarge, detail);
  }
  if (typeof header !== 'object' || header === null) {
    throw brokerError(CODE.badRequest, `a message to ${topic} has no header: give {} if it has nothing to say`);
  }
  let bytes = 0;
  for (const name of Object.keys(header)) {
    const value: unknown = Reflect.get(header, name);
    if (typeof value !== 'string') {
      const detail = `field ${JSON.stringify(name.slice(0, 80))} of a message to ${topic} is no text`;
      throw brokerError(CODE.badRequest, detail);
    }
    bytes += name.length + value.length;
  }
  if (bytes > MOST_HEADER_BYTES) {
    const detail = `the header of a message to ${topic} has ${bytes} characters, and the limit is ${MOST_HEADER_BYTES}`;
    throw brokerError(CODE.headerTooLarge, detail);
  }
}
